// Package kojisim is a Koji hub that runs nowhere else: a world with tags,
// builds, repositories, builders and time of its own, and a hub in front of it
// that answers Koji's XML-RPC and serves Koji's files. The demo, cmd/kojisim
// and tests use it; no service imports it.
//
// # The world
//
// A [World] is the state of the build system and the rules by which it
// changes. Every change belongs to an event with an ascending number, so that
// any past state of a tag can be asked for. A change that takes time (a task
// that runs, a repository that is being made, a packager who updates
// something) waits in a queue ordered by time and number; advancing the world
// to a moment runs what is due until then. Nothing runs on its own: each
// request first advances the world to the [Clock]'s now, [Hub.Run] does the
// same when something falls due and nobody asks. The same seed therefore gives
// the same world, whoever looks and how often.
//
// Worlds come from [Generate] (a small distribution with packagers who work on
// it all day) and [LoadWorld] (a pair of rpm-md directories).
//
// # The truth
//
// Why a build fails is scripted, not computed: see [Truth]. What is left to
// chance is drawn from a hash of the seed, the source NEVRA, the repo and the
// attempt. The truth is for judges only; the hub never tells it.
// A scratch build whose build requirements cannot be installed from its repo
// fails as mock does, with status 30. Whether they can is found by a walk over
// provides and requires that knows neither conflicts nor boolean dependencies
// (those count as met): it never refuses what a solver can install.
//
// # The hub
//
// A [Hub] is an http.Handler. /kojihub speaks XML-RPC with Koji's sessions,
// faults and multicalls, /kojifiles holds repositories and logs, made when
// they are asked for. Packages themselves do not exist: there is metadata and
// there are logs, but no RPM has a content.
//
// It does not do: image and module builds, content generators, signatures,
// volumes, notifications, and what only Koji's web pages need.
package kojisim
