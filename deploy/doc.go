// Package deploy is no code: it holds what Koschei is installed with, and tests of
// it. Operators read docs/operations; each folder here is one way to install, or
// what watches over an installation.
//
// The tests look at the files as those read them who use them: systemd, rpmlint,
// Prometheus, a container without anything but the program. The chart has tests of
// its own in kubernetes, a module of its own because of what it needs.
package deploy
