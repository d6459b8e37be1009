package worldtext

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/koschei-ci/koschei/internal/kojisim"
)

// A parser is the state between two lines.
type parser struct {
	w     *kojisim.System
	verbs map[string]verb
	rest  string            // the line without its verb
	words []string          // of it, without options
	opts  map[string]string // of the line
	build *parsedBuild      // whose details the next lines may be
}

type verb struct {
	words int // at least
	run   func() error
}

// run does what one line says.
func (p *parser) run(line string) error {
	text := strings.TrimSpace(line)
	if text == "" || strings.HasPrefix(text, "#") {
		return nil
	}
	name, rest, _ := strings.Cut(text, " ")
	if line[0] == ' ' || line[0] == '\t' {
		if p.build == nil {
			return fmt.Errorf("%s stands below no build", name)
		}
		return p.build.detail(name, strings.TrimSpace(rest))
	}
	if err := p.finish(); err != nil {
		return err
	}
	p.rest, p.words, p.opts = rest, nil, map[string]string{}
	for _, word := range strings.Fields(rest) {
		if name, value, ok := strings.Cut(word, "="); ok {
			p.opts[name] = value
		} else {
			p.words = append(p.words, word)
		}
	}
	do, ok := p.verbs[name]
	if !ok {
		return fmt.Errorf("unknown word %q", name)
	}
	if len(p.words) < do.words {
		return fmt.Errorf("%s needs %d words", name, do.words)
	}
	return do.run()
}

// finish makes the build whose details were read last, if there is one.
func (p *parser) finish() error {
	b := p.build
	p.build = nil
	if b == nil {
		return nil
	}
	return b.make(p.w)
}

// list is an option that is a list.
func (p *parser) list(name string) []string {
	if p.opts[name] == "" {
		return nil
	}
	return strings.Split(p.opts[name], ",")
}

// has reports whether a word stands alone on the line after the first.
func (p *parser) has(word string) bool {
	for _, w := range p.words[1:] {
		if w == word {
			return true
		}
	}
	return false
}

// float is an option that is a number; 0 if it is not there.
func (p *parser) float(name string) (float64, error) {
	if p.opts[name] == "" {
		return 0, nil
	}
	v, err := strconv.ParseFloat(p.opts[name], 64)
	if err != nil {
		return 0, fmt.Errorf("%s=%s is no number", name, p.opts[name])
	}
	return v, nil
}
