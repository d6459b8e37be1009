// Package distro makes simulated build systems that hold a whole distribution:
// [Generate] makes one up, [Load] takes one from rpm-md directories. Both come
// with packagers who go on working in it: they update packages, break some,
// repair them, change the interfaces of libraries, add packages and retire them.
// The demo, cmd/kojisim and tests use it. How builds and repos are made is not
// decided here, but by the rules of package kojisim.
package distro
