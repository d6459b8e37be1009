// Package scenario prepares the world in which services are tested: a simulated
// hub with a few packages and a clock that the test moves, a record on a real
// PostgreSQL that knows the hub's packages and builds, and functions that change
// something at the hub, and fill and read the record. Tests of services use it. They
// bring the service and check its result. The package decides nothing that a service
// decides.
//
// Its own tests are the stories, one in each file of testdata/stories. A story
// runs the real services, on a database of its own. docs/stories.md lists what
// each of them protects.
//
// # Stories
//
// A story is a txtar file. Its comment begins with a sentence that says what it
// shows. The file has two parts:
//
//	Nothing is built again before its time.
//
//	-- world --
//	package foo tag=f44
//	build foo-1-1 tag=f44
//	 requires bash
//	 binary foo
//	-- story --
//	services
//	expect state foo: ok
//	after 8d
//	services
//	expect builds foo:
//		real 1-1 complete
//		scratch 1-1 running in repo 1, last
//
// The world is written as worldtext.Parse reads it. [CommonWorld] is put
// before it, and a repo is made at its end. A part named "whole world" gets
// neither. When the story begins, Koschei has polled the hub once and tracks all
// packages.
//
// Each line of the story is a statement. A line that is indented by a tab belongs
// to the statement above it. # begins a comment. Time moves only with after and
// for. A package is one of collection f44 unless written foo@COLLECTION. The
// statements are:
//
//	after 2h                          time passes, nobody does anything; d is a day
//	services [NAME...]                services do their work once, in their usual order or as named;
//	                                  watcher and self-check only when named
//	for 2d every 1h [NAME...]         time passes, and services do their work every so often
//	service NAME complains TEXT       it does its work once, but says in its log that something is wrong
//	second NAME                       another replica does its work once
//
//	hub WORDS                         what the words say happens at the hub; see worldtext.Amend
//	hub is well|offline|locked-out|overloaded|deaf|mute
//	                                  deaf drops connections before, mute after it did what it was asked for
//	hub loses the answers to METHOD   it drops connections after it did that, until it is well
//	bus is well|silent|repeating      silent loses all messages of the hub
//	packager builds NVR               a new version like the newest one, tagged when it is complete
//	packager tags|untags NVR [TAG]
//	packager cancels PACKAGE          at the hub, the newest scratch build of it
//	kojira expires|deletes REPO
//
//	operator sets max_builds|load_threshold|build_arches|remake_repos=VALUE...
//	operator raises PACKAGE PRIORITY  for one build
//	operator ranks PACKAGE PRIORITY   for ever
//	operator tracks|retries|cancels PACKAGE
//	operator cleans DURATION          everything older is forgotten, as far as may be
//	operator overrides PACKAGE ARCHES
//	operator stops|resumes resolving PACKAGE
//	operator adds|edits COLLECTION KEY=VALUE...
//	operator branches COLLECTION NEWNAME
//	operator groups GROUP PACKAGE...
//
//	expect QUESTION: ANSWER           one line, or "nothing", or lines indented below
//
// The questions and the form of their answers are in questions_test.go. At the
// end of each story the test also checks that the hub and the record have the same
// builds, and that each ended as the simulated hub says.
//
// A story that fails names its file and line. UPDATE_GOLDEN=1 writes the answers
// that came into the stories; read the difference before you commit it.
package scenario
