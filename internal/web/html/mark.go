package html

// A Mark is a coloured sign with its word beside it. Each sign has another
// shape, so that none depends on colour.
type Mark struct {
	Shape string // of the sign, see sprite.html; it has a colour of its own
	Word  string
}

// MarkOf is the mark of a state, an outcome, a resolution or the state of a
// task: what has one name has one mark.
func MarkOf(name string) Mark {
	switch name {
	case "ok", "complete", "resolved", "closed":
		return Mark{"ok", name}
	case "failing", "failed":
		return Mark{"bad", name}
	case "unresolved":
		return Mark{"warn", name}
	case "running", "open":
		return Mark{"busy", name}
	case "submitting":
		return Mark{"busy", "being submitted"}
	case "blocked", "canceled":
		return Mark{"bar", name}
	case "timeout":
		return Mark{"clock", "timed out"}
	case "free", "assigned":
		return Mark{"clock", name}
	case "infrastructure":
		return Mark{"fault", "infrastructure fault"}
	}
	return Mark{"none", name}
}
