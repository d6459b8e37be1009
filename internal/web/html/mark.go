package html

// A Mark is a coloured sign with its word beside it. Each sign has another
// shape, so that none depends on colour.
type Mark struct {
	Class string // "good", "bad", "warn", "busy" or "dim"
	Shape string // of the sign, see mark.html
	Word  string
}

// MarkOf is the mark of a state, an outcome, a resolution or the state of a
// task: what has one name has one mark.
func MarkOf(name string) Mark {
	switch name {
	case "ok", "complete", "resolved", "closed":
		return Mark{"good", "tick", name}
	case "failing", "failed":
		return Mark{"bad", "cross", name}
	case "unresolved":
		return Mark{"warn", "triangle", name}
	case "running", "open":
		return Mark{"busy", "arc", name}
	case "submitting":
		return Mark{"busy", "arc", "being submitted"}
	case "blocked", "canceled":
		return Mark{"dim", "bar", name}
	case "timeout":
		return Mark{"dim", "clock", "timed out"}
	case "free", "assigned":
		return Mark{"dim", "clock", name}
	case "infrastructure":
		return Mark{"dim", "bolt", "infrastructure fault"}
	}
	return Mark{"dim", "ring", name}
}
