package depset

// A SourceChange is what a repo has of one source package otherwise than the
// repo before it: interned packages, paired, 0 for none.
type SourceChange struct {
	Source string
	Prev   []int32
	Curr   []int32

	// Reached are the packages of the collection whose buildroots have something that
	// the source brought: their ids, each with the nearest of its distances.
	Reached Set
}
