package html

import "time"

// An Act is an entry of the audit log.
type Act struct {
	ID          int64
	Logged      time.Time
	Actor       string
	Environment string
	Message     string
	Single      bool   // whether it is a change of one field, which can be undone
	Back        string // to which page undoing it leads
}
