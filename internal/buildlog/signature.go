package buildlog

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"sync"
)

// signature is the same for errors of one kind that say the same in one phase.
func signature(phase, kind, message string) string {
	sum := sha256.Sum256([]byte(phase + "\n" + kind + "\n" + message))
	return hex.EncodeToString(sum[:8])
}

// What differs between two builds that fail alike.
var masks = sync.OnceValue(func() []mask {
	return []mask{
		{regexp.MustCompile(`/(?:builddir|var/tmp|tmp)/[^\s:'"]*/`), ""},
		{regexp.MustCompile(`\b0x[0-9a-fA-F]+\b`), "N"},
		{regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`), "N"},
		{regexp.MustCompile(`\b[0-9a-f]{12,}\b`), "N"},
		{regexp.MustCompile(`\b\d+(?:\.\d+)?(?:ms|s)?\b`), "N"},
		{regexp.MustCompile(`\s+`), " "},
	}
})

// A mask is what a text is replaced with.
type mask struct {
	pattern *regexp.Regexp
	with    string
}

const maxMessage = 300 // bytes

// masked is a text without places, numbers and what else is another one each time.
func masked(text string) string {
	for _, m := range masks() {
		text = m.pattern.ReplaceAllString(text, m.with)
	}
	text = strings.TrimSpace(text)
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "")
	}
	return text
}
