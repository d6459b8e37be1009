// Package rpm knows RPM's names, versions and dependency expressions: it parses,
// compares and prints them. Everything that handles packages uses it. It does not
// read package files or metadata (package repodata does) and resolves nothing
// (package depsolve does).
package rpm
