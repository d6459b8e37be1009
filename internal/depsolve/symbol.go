package depsolve

import "hash/maphash"

// A symbol is an interned string: a name, a version, a release, an
// architecture, a path. Symbol 0 is the empty string.
type symbol int32

// symbols interns strings: each is stored once, in one array.
type symbols struct {
	text  []byte
	end   []uint32 // symbol s is text[end[s-1]:end[s]]
	slots []symbol // open addressing; 0 is free
	seed  maphash.Seed
	all   string // text, once frozen
}

func newSymbols() symbols {
	return symbols{end: []uint32{0}, slots: make([]symbol, 1<<10), seed: maphash.MakeSeed()}
}

func (t *symbols) len() int { return len(t.end) }

// intern returns the symbol of s and keeps a copy of s if it is new.
func (t *symbols) intern(s string) symbol {
	if s == "" {
		return 0
	}
	slot := t.slot(s)
	if t.slots[slot] != 0 {
		return t.slots[slot]
	}
	sym := symbol(len(t.end))
	t.text = append(t.text, s...)
	t.end = append(t.end, uint32(len(t.text)))
	t.slots[slot] = sym
	if 2*len(t.end) > len(t.slots) {
		t.grow()
	}
	return sym
}

// find returns the symbol of s, if it has one.
func (t *symbols) find(s string) (symbol, bool) {
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

func (t *symbols) is(sym symbol, s string) bool {
	if t.text == nil {
		return t.string(sym) == s
	}
	return string(t.text[t.end[sym-1]:t.end[sym]]) == s
}

func (t *symbols) grow() {
	t.slots = make([]symbol, 2*len(t.slots))
	for sym := 1; sym < len(t.end); sym++ {
		t.slots[t.slot(string(t.text[t.end[sym-1]:t.end[sym]]))] = symbol(sym)
	}
}

// freeze ends interning and makes string possible.
func (t *symbols) freeze() {
	t.all = string(t.text)
	t.text = nil
}

// string returns the text of a symbol of a frozen table.
func (t *symbols) string(sym symbol) string {
	if sym == 0 {
		return ""
	}
	return t.all[t.end[sym-1]:t.end[sym]]
}
