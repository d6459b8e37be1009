// Package rpm knows the words of RPM: names, versions and dependency
// expressions; it parses, compares and prints them. Everything that handles
// packages uses it. It reads no package files and no metadata (package
// repodata does) and resolves nothing (package depsolve does).
package rpm
