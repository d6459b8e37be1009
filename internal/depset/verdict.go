package depset

import "github.com/koschei-ci/koschei"

// A Candidate is a package that can be resolved, with all that is known of it.
type Candidate struct {
	PackageID int64
	BuildID   int64 // its last complete build, whose SRPM counts
	Due       bool  // Resolution and Priority are not about that build

	SRPMID     int64 // of the facts of that build's SRPM; 0 if they are not stored
	Resolution koschei.Resolution
	Problems   []string // why it is unresolved
	SetHash    []byte   // of the set it resolved to; nil if there is none
	RepoID     int64    // the repo that said so first; 0 if none has
	Priority   int      // dependency priority

	Baseline
}

// A Baseline is what the changes since a package's last build are counted
// from: the set of the newest build that ended, counts and has one.
type Baseline struct {
	SetID int64 // 0 if there is none
	// Awaited says that a build as new as that has ended and its set will be
	// known soon. Until then nothing can be said of what changed since.
	Awaited bool
}

// A Verdict is what a repo says of a package, and what that means for it.
type Verdict struct {
	Candidate *Candidate // as it was when the verdict was found

	Answered bool     // whether this is another answer than the stored one
	Set      Set      // the buildroot; nil if it cannot be made
	Hash     []byte   // Set's
	Problems []string // why not; nil if it can
	Unmet    []Unmet  // what nothing provides; the problems may have other reasons
	Priority int      // dependency priority
}

// Resolution is the verdict in a word.
func (v *Verdict) Resolution() koschei.Resolution {
	if len(v.Problems) > 0 {
		return koschei.Unresolved
	}
	return koschei.Resolved
}
