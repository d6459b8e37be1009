package scenario

// CommonWorld is what the worlds of most stories have in common: people, a host
// with room for everything, and a tag f44 with a package in it that all
// buildroots contain. Nothing happens in it by itself.
const CommonWorld = `
start 2026-11-23T12:00:00Z
user koschei password=secret
user root password=secret perms=admin
user kojira perms=repo
channel default
host builder1 arches=x86_64 capacity=100 channels=default
tag f44
tag f44-build arches=x86_64 parents=f44
target f44 build=f44-build dest=f44
group f44-build build
member f44-build build mandatory bash
package bash tag=f44
build bash-5-1 tag=f44
 binary bash
`
