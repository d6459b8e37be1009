package html

// A Choice is a link that changes one thing of a list.
type Choice struct {
	Text   string
	Class  string
	Count  string // "" where nothing was counted
	URL    string // "" for what only fills a gap
	Chosen bool
}

// A Column is a heading that sorts.
type Column struct {
	Text  string
	URL   string // "" for what cannot be sorted by
	Class string // "num" for numbers
	Sort  string // "ascending", "descending" or ""
}

// A Pagination says which part of a list is shown and leads to those around it.
type Pagination struct {
	First, Last int // of what is shown, by number; 1 and 0 if nothing is
	Total       int
	Pages       []Choice
}

// LastPage is the number of the last page of a list of total; an empty list has
// one.
func LastPage(perPage, total int) int { return max(1, (total+perPage-1)/perPage) }
