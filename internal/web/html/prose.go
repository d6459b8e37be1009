package html

// Prose is a sentence of which some words are links or strong.
type Prose []Words

// Words are some of a sentence, with the spaces between them and their
// neighbours.
type Words struct {
	Text   string
	URL    string // where they lead, "" for nowhere
	Strong bool
}

// Say is prose of plain words.
func Say(text string) Prose { return Prose{{Text: text}} }

// And adds plain words.
func (p Prose) And(text string) Prose { return append(p, Words{Text: text}) }

// Strong adds words that matter most.
func (p Prose) Strong(text string) Prose { return append(p, Words{Text: text, Strong: true}) }

// Link adds words that lead to an address.
func (p Prose) Link(text, url string) Prose { return append(p, Words{Text: text, URL: url}) }

// String is the prose as text.
func (p Prose) String() string {
	text := ""
	for _, w := range p {
		text += w.Text
	}
	return text
}
