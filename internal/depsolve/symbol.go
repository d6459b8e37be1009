package depsolve

import (
	"hash/maphash"
	"slices"
)

// A symbol is an interned string: a name, a version, a release, an
// architecture, a path. Symbol 0 is the empty string.
type symbol int32

// symbols interns strings: each is stored once, in one array. It may extend
// another table, which it then shares and does not change. That one extends no
// other: whoever looks up a string looks in two tables at most.
type symbols struct {
	base  *symbols
	first symbol // symbols up to this one are in base
	text  []byte
	end   []uint32 // symbol first+i is text[end[i-1]:end[i]]
	slots []symbol // open addressing; 0 is free
	seed  maphash.Seed
	all   string // text, once frozen
}

func newSymbols() *symbols {
	return &symbols{end: []uint32{0}, slots: make([]symbol, 1<<10), seed: maphash.MakeSeed()}
}

// extend returns a table with all symbols of t, which must be frozen, and room
// for more.
func (t *symbols) extend() *symbols {
	if t.base != nil {
		return &symbols{
			base: t.base, first: t.first, seed: t.seed,
			text: []byte(t.all), end: slices.Clone(t.end), slots: slices.Clone(t.slots),
		}
	}
	s := newSymbols()
	s.base, s.first = t, symbol(t.len()-1)
	return s
}

func (t *symbols) len() int { return int(t.first) + len(t.end) }

// intern returns the symbol of s and keeps a copy of s if it is new.
func (t *symbols) intern(s string) symbol {
	if sym, ok := t.find(s); ok {
		return sym
	}
	slot := t.slot(s)
	t.text = append(t.text, s...)
	t.end = append(t.end, uint32(len(t.text)))
	sym := symbol(t.len() - 1)
	t.slots[slot] = sym
	if 2*len(t.end) > len(t.slots) {
		t.grow()
	}
	return sym
}

// find returns the symbol of s, if it has one.
func (t *symbols) find(s string) (symbol, bool) {
	if s == "" {
		return 0, true
	}
	if t.base != nil {
		if sym, ok := t.base.find(s); ok {
			return sym, true
		}
	}
	sym := t.slots[t.slot(s)]
	return sym, sym != 0
}

// slot is where s is, or where it would be.
func (t *symbols) slot(s string) int {
	mask := len(t.slots) - 1
	for i := int(maphash.String(t.seed, s)) & mask; ; i = (i + 1) & mask {
		if sym := t.slots[i]; sym == 0 || t.is(sym, s) {
			return i
		}
	}
}

// is reports whether s is the text of sym, a symbol not of base.
func (t *symbols) is(sym symbol, s string) bool {
	if t.text == nil {
		return t.string(sym) == s
	}
	return string(t.text[t.end[sym-t.first-1]:t.end[sym-t.first]]) == s
}

func (t *symbols) grow() {
	t.slots = make([]symbol, 2*len(t.slots))
	for i := 1; i < len(t.end); i++ {
		t.slots[t.slot(string(t.text[t.end[i-1]:t.end[i]]))] = t.first + symbol(i)
	}
}

// freeze ends interning and makes string possible.
func (t *symbols) freeze() {
	if t.all != "" {
		return
	}
	t.all = string(t.text)
	t.text = nil
}

// string returns the text of a symbol of a frozen table.
func (t *symbols) string(sym symbol) string {
	if sym <= t.first {
		if sym == 0 {
			return ""
		}
		return t.base.string(sym)
	}
	return t.all[t.end[sym-t.first-1]:t.end[sym-t.first]]
}
