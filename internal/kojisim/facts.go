package kojisim

// A Fact is a change that somebody may want to be told of.
type Fact interface{ fact() }

// A TaskChange is a change of a task's state.
type TaskChange struct {
	Task *Task
	Old  int
}

// A BuildChange is a change of a build's state.
type BuildChange struct {
	Build    *Build
	Old, New int // Old is -1 if the build was just made
}

// A TagChange is a build that came into a tag, or left it.
type TagChange struct {
	Tagging *Tagging
	By      *User
	Left    bool
}

// A RepoChange is a repo that was begun, or that is ready.
type RepoChange struct {
	Repo  *Repo
	Ready bool
}

// A ListChange is a change of a tag's package list.
type ListChange struct {
	Tag    *Tag
	Entry  *ListedPackage
	Action string // add, block or unblock
}

func (TaskChange) fact() {}

func (BuildChange) fact() {}

func (TagChange) fact() {}

func (RepoChange) fact() {}

func (ListChange) fact() {}
