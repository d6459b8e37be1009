package html

// An Excerpt is some of the log of a failed build, with the line of the error.
type Excerpt struct {
	Phase string // as "%build"; "" if it is not known
	Arch  string
	Log   string // name of the log
	Line  int    // number of the line of the error, 0 if it is not known
	Total int    // lines in the log, 0 if only its end was read
	Lines []ExcerptLine
	Logs  []Log  // where the logs are
	More  string // address of more of it, "" if this is all
}

// An ExcerptLine is a line of a log.
type ExcerptLine struct {
	Text string
	Hit  bool // it is the error
	Gap  bool // lines before it are left out
}
