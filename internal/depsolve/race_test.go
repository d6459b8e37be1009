//go:build race

package depsolve_test

// stride: the race detector makes everything ten times slower, so that tests
// which go over a whole distribution look at every 40th goal only. Without it
// they look at all.
const stride = 40
