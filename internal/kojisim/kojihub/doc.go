// Package kojihub is the web server of a simulated Koji: a [Hub] answers for a
// world of package kojisim. The demo, cmd/kojisim and tests use it; no service
// does.
//
// Below /kojihub it speaks XML-RPC with Koji's sessions, faults and multicalls;
// below /kojifiles it serves what package kojifiles makes. It turns what happens
// in the world into messages as Fedora's plugin does, and hands them to whoever
// has subscribed. Before each request it brings the world to the present;
// [Hub.Run] does the same while nobody asks. It can misbehave: see [Faults].
//
// A method of Koji's is one function here, with Koji's own signature beside it
// in the table at the head of its file: calls_tag.go has those about tags, and so
// on. They check before they change anything, and the rules of what follows from
// a change are the world's.
//
// It does not do: image and module builds, content generators, signatures,
// volumes, notifications, and what only Koji's web pages need.
package kojihub
