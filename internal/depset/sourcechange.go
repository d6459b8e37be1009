package depset

// A SourceChange is what a repo has of one source package otherwise than the
// repo before it: interned packages, paired, 0 for none.
type SourceChange struct {
	Source string
	Prev   []int32
	Curr   []int32
}
