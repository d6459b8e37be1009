package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// A progress shows how far long work has come, on a terminal only, in one line
// that is overwritten.
type progress struct {
	w           io.Writer // nil: nobody looks
	what        string
	done, total int
	shown       time.Time
}

// newProgress counts up to total; 0 if that is not known.
func newProgress(w io.Writer, what string, total int) *progress {
	if f, ok := w.(*os.File); !ok || !isTerminal(f) {
		w = nil
	}
	return &progress{w: w, what: what, total: total}
}

// step counts one more done.
func (p *progress) step() {
	p.done++
	if p.w == nil || time.Since(p.shown) < time.Second/10 && p.done != p.total {
		return
	}
	p.shown = time.Now()
	if p.total > 0 {
		_, _ = fmt.Fprintf(p.w, "\r%s: %d of %d", p.what, p.done, p.total)
	} else {
		_, _ = fmt.Fprintf(p.w, "\r%s: %d", p.what, p.done)
	}
}

// end takes the line away.
func (p *progress) end() {
	if p.w != nil {
		_, _ = fmt.Fprint(p.w, "\r\x1b[K")
	}
}
