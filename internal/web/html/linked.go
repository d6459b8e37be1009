package html

import (
	"regexp"
	"strings"
)

// A Piece of a text is a link, or is none and has no URL.
type Piece struct {
	Text string
	URL  string
}

// webAddress is an address in a text, without what ends the sentence.
var webAddress = regexp.MustCompile(`https?://[^\s<>"']*[^\s<>"'.,;:!?)\]]`)

// Linked finds the addresses in a text that people typed. Nothing else in it
// means anything.
func Linked(text string) []Piece {
	var pieces []Piece
	at := 0
	for _, found := range webAddress.FindAllStringIndex(text, -1) {
		if found[0] > at {
			pieces = append(pieces, Piece{Text: text[at:found[0]]})
		}
		address := text[found[0]:found[1]]
		pieces = append(pieces, Piece{Text: strings.TrimPrefix(address, "https://"), URL: address})
		at = found[1]
	}
	if at < len(text) {
		pieces = append(pieces, Piece{Text: text[at:]})
	}
	return pieces
}

// A Clash tells that somebody else was faster.
type Clash struct{ Sentence string }
