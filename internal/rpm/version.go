package rpm

// CompareVersions compares two version (or release) strings as RPM does: it is
// negative if a is older than b, 0 if they are the same to RPM, positive if a
// is newer. "~" sorts before everything, even the end ("1.0~rc1" < "1.0"); "^"
// sorts after the end, but before anything else ("1.0" < "1.0^git1" <
// "1.0.1"). Every other byte that is no ASCII letter or digit only separates.
//
// Different strings can be the same to RPM: "1.0" and "1_00" are.
func CompareVersions(a, b string) int {
	if a == b {
		return 0
	}
	i, j := 0, 0
	for {
		i, j = skipSeparators(a, i), skipSeparators(b, j)
		ca, cb := byteAt(a, i), byteAt(b, j)
		if c, decided := compareMarks(ca, cb); decided {
			return c
		}
		if ca == '~' || ca == '^' {
			i, j = i+1, j+1
			continue
		}
		if ca == 0 || cb == 0 {
			return presence(ca) - presence(cb)
		}
		if isDigit(ca) != isDigit(cb) {
			return sign(isDigit(ca))
		}
		var c int
		if isDigit(ca) {
			c, i, j = compareNumbers(a, b, i, j)
		} else {
			c, i, j = compareWords(a, b, i, j)
		}
		if c != 0 {
			return c
		}
	}
}

// compareMarks decides what "~" and "^" decide; a zero byte is the end.
func compareMarks(ca, cb byte) (c int, decided bool) {
	switch {
	case ca == cb:
		return 0, false
	case ca == '~':
		return -1, true
	case cb == '~':
		return 1, true
	case ca == '^':
		return 1 - 2*presence(cb), true
	case cb == '^':
		return 2*presence(ca) - 1, true
	}
	return 0, false
}

func compareNumbers(a, b string, i, j int) (c, nexti, nextj int) {
	for byteAt(a, i) == '0' {
		i++
	}
	for byteAt(b, j) == '0' {
		j++
	}
	for {
		ca, cb := byteAt(a, i), byteAt(b, j)
		da, db := isDigit(ca), isDigit(cb)
		switch {
		case !da && !db:
			return c, i, j
		case da != db: // the longer number is the larger one
			return sign(da), i, j
		case c == 0 && ca != cb:
			c = sign(ca > cb)
		}
		i, j = i+1, j+1
	}
}

func compareWords(a, b string, i, j int) (c, nexti, nextj int) {
	for {
		ca, cb := byteAt(a, i), byteAt(b, j)
		la, lb := isLetter(ca), isLetter(cb)
		switch {
		case !la && !lb:
			return 0, i, j
		case la != lb:
			return sign(la), i, j
		case ca != cb:
			return sign(ca > cb), i, j
		}
		i, j = i+1, j+1
	}
}

func skipSeparators(s string, i int) int {
	for i < len(s) && !isDigit(s[i]) && !isLetter(s[i]) && s[i] != '~' && s[i] != '^' {
		i++
	}
	return i
}

// byteAt is the byte at i, or 0 at the end. A zero byte inside s is a
// separator, which skipSeparators has passed, so the two are not confused.
func byteAt(s string, i int) byte {
	if i < len(s) {
		return s[i]
	}
	return 0
}

// presence is 0 at the end of a string, else 1.
func presence(c byte) int {
	if c == 0 {
		return 0
	}
	return 1
}

// sign is 1 if the first is the newer one, else -1.
func sign(first bool) int {
	if first {
		return 1
	}
	return -1
}

func isDigit(c byte) bool  { return c-'0' < 10 }
func isLetter(c byte) bool { return (c|0x20)-'a' < 26 }
