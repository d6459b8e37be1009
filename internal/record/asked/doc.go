// Package asked remembers what hubs were asked, so that nothing is asked twice:
// up to which event a tag is known, which repos of the past were asked for again,
// which repos of a secondary hub are mirrored at the primary one, and what a hub
// did not let us do. Services that talk to hubs use it: polling and watcher
// through kojisync, build-resolver, mirror, scheduler.
//
// It calls no hub, and knows nothing of packages and builds.
package asked
