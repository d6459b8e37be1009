package schema

// Settings are groups and priorities, what people put into the record by hand.
type Settings struct {
	Groups     []GroupSettings
	Priorities []PrioritySettings
}

// GroupSettings are all there is of a group.
type GroupSettings struct {
	FullName    string
	Packages    []string
	Maintainers []string
}

// PrioritySettings are the priorities people gave a package.
type PrioritySettings struct {
	Collection, Package string
	Static, Manual      int
}
