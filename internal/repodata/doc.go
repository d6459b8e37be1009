// Package repodata reads repositories of RPM packages (rpm-md: a directory
// repodata/ with repomd.xml, primary.xml, comps.xml and filelists.xml), from a
// directory, over HTTP, or out of a cache on disk that keeps what was fetched
// once. It feeds package depsolve; the services, the simulator and the command
// "koschei resolve" use it.
//
//	repo, err := repodata.Open(ctx, location, client)
//	group, err := repo.Group(ctx, "build")
//	err = repo.Packages(ctx, func(p *rpm.Package) error { ... })
//
// # How it reads
//
// A repository is read in one pass and in constant memory: file or connection,
// checksum, decompression, checksum, scanner, callback. The scanner is our own,
// because encoding/xml takes ten times as long. It reads the XML that rpm-md
// consists of, and is as strict as encoding/xml; a fuzzer compares the two. Its
// strings lie in its buffer: what a callback gets is valid until the callback
// returns, so copy what you keep.
//
// # What can be trusted
//
// Checksums and sizes of repomd.xml are always verified, while the data are read.
// So a callback may see data that turn out to be corrupt later. Use nothing
// derived from them before the function that calls back has returned without an
// error.
//
// What is odd but no danger costs no more than itself: docs/metadata.md has the
// list. A package that cannot be used comes with a Flaw.
//
// A fault in a repository is an *InputError: one sentence with the file and the
// reason. A server that cannot be reached, or does not answer, is an
// *UnavailableError. All sizes, depths and counts have limits (limits.go), so no
// input can exhaust memory.
//
// # What it does not do
//
// It writes no metadata, reads no package files, follows no mirror lists,
// checks no signatures and knows nothing of modules. Which packages fit together
// is decided by package depsolve.
package repodata
