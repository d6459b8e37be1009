// Package kojifiles makes the files that a Koji has below /kojifiles: the rpm-md
// metadata of repos, and the logs and other output of tasks. The simulated hub
// serves them; package kojisim has the world that they are about. Nothing is
// kept on a disk: a file is made when somebody asks for it. Packages themselves
// do not exist: there is metadata and there are logs, but no RPM has a content.
//
// Logs read like those of mock and rpmbuild: what went wrong stands where these
// would have put it.
package kojifiles
