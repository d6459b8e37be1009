package html

import "strconv"

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

// A Pagination says which part of a list is shown and leads to the others.
type Pagination struct {
	First, Last int // of what is shown, by number; 1 and 0 if nothing is
	Total       int
	Pages       []Choice
}

// Paginate is the pagination of page number page, whose address url returns, of
// a list of total. The page must be there: see LastPage.
func Paginate(page, perPage, total int, url func(page int) string) Pagination {
	p := Pagination{Total: total, First: (page-1)*perPage + 1, Last: min(page*perPage, total)}
	last := LastPage(perPage, total)
	if last == 1 {
		return p
	}
	add := func(text string, n int) { p.Pages = append(p.Pages, Choice{Text: text, URL: url(n)}) }
	if page > 1 {
		add("previous", page-1)
	}
	for n := 1; n <= last; n++ {
		switch {
		case n == 1 || n == last || n >= page-2 && n <= page+2:
			p.Pages = append(p.Pages, Choice{Text: strconv.Itoa(n), URL: url(n), Chosen: n == page})
		case n == 2 || n == last-1:
			p.Pages = append(p.Pages, Choice{Text: "…"})
		}
	}
	if page < last {
		add("next", page+1)
	}
	return p
}

// LastPage is the number of the last page of a list of total; an empty list has
// one.
func LastPage(perPage, total int) int { return max(1, (total+perPage-1)/perPage) }
