// Package scenario sets the stage for tests of services: a simulated hub with a
// small world and a stepped clock, a record on a real PostgreSQL that knows
// the hub's packages and builds, and ways to let something happen at the hub. The
// tests bring the service and say what should come of it. It is for tests alone
// and decides nothing that a service decides.
//
// The tests of the package itself are stories: one in each file of
// testdata/stories, told with the real services on such a stage, each on a
// database of its own. docs/stories.md lists them.
//
// # Stories
//
// A story is a txtar file. Its comment is a sentence that says what it tells,
// then more if need be, and a line "Tells: " with numbers of behaviours and
// complaints as docs/stories.md has them. It has two parts:
//
//	Nothing is built again before its time.
//	Tells: 3
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
// The world is in worldtext.Parse's words; what the common world has (see
// [CommonWorld]) stands before it, a repo is made after it. A part "whole world"
// has none of that. When the story begins, Koschei has polled the hub once and
// tracks all packages.
//
// A line of the story is a statement; what is indented by a tab belongs to the
// statement above it; # begins a comment. Time stands still but for after and
// for. Packages are those of collection f44 unless written foo@COLLECTION. The
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
// The questions, and what answers look like, are in questions_test.go. At the
// end of each story it is also checked that the hub has exactly the builds that the
// record has, and that those which ended did so as the hub's truth has it.
//
// A story that is not true fails with its file and line. UPDATE_GOLDEN=1 makes
// stories true by writing the answers that came; then read the difference.
package scenario
