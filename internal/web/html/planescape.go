package html

import "strings"

// escapers are what html/template does with a value in the places that our templates
// have values in, by the names that it gives them. A test compares them with it.
var escapers = map[string]func(out []byte, text string) []byte{
	"htmlescaper":                         escapeText,
	"attrescaper":                         escapeText,
	"rcdataescaper":                       escapeText,
	"urlnormalizer|attrescaper":           func(out []byte, text string) []byte { return escapeURL(out, text, true) },
	"urlescaper|attrescaper":              func(out []byte, text string) []byte { return escapeURL(out, text, false) },
	"urlfilter|urlnormalizer|attrescaper": filterURL,
}

// escapeText is for text, and for attributes in quotes.
func escapeText(out []byte, text string) []byte {
	written := 0
	for i := range len(text) {
		instead := ""
		switch text[i] {
		case 0:
			instead = "\uFFFD"
		case '"':
			instead = "&#34;"
		case '&':
			instead = "&amp;"
		case '\'':
			instead = "&#39;"
		case '+':
			instead = "&#43;"
		case '<':
			instead = "&lt;"
		case '>':
			instead = "&gt;"
		default:
			continue
		}
		out = append(append(out, text[written:i]...), instead...)
		written = i + 1
	}
	return append(out, text[written:]...)
}

// filterURL is for a whole address: one of another kind than a browser may go to has
// no effect.
func filterURL(out []byte, text string) []byte {
	protocol, _, ok := strings.Cut(text, ":")
	if ok && !strings.Contains(protocol, "/") &&
		!strings.EqualFold(protocol, "http") && !strings.EqualFold(protocol, "https") && !strings.EqualFold(protocol, "mailto") {
		text = "#ZgotmplZ"
	}
	return escapeURL(out, text, true)
}

// escapeURL is for a part of an address. A whole one keeps what divides addresses.
func escapeURL(out []byte, text string, whole bool) []byte {
	const hex = "0123456789abcdef"
	for i := range len(text) {
		c := text[i]
		switch {
		case plainInURL(c),
			whole && c == '%' && i+2 < len(text) && isHex(text[i+1]) && isHex(text[i+2]),
			whole && c != '&' && c != '+' && strings.IndexByte("!#$*,/:;=?@[]", c) >= 0:
			out = append(out, c)
		case whole && c == '&':
			out = append(out, "&amp;"...)
		case whole && c == '+':
			out = append(out, "&#43;"...)
		default:
			out = append(out, '%', hex[c>>4], hex[c&15])
		}
	}
	return out
}

func plainInURL(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
