//go:build !race

package depsolve_test

const stride = 1
