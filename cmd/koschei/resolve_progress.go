package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// A progressBar shows on a terminal how many of the goals are done.
type progressBar struct {
	w     io.Writer
	total int // 0: show nothing
	shown time.Time
}

func newProgressBar(w io.Writer, total int) *progressBar { return &progressBar{w: w, total: total} }

func (b *progressBar) show(done int) {
	const width, pause = 40, 100 * time.Millisecond
	if now := time.Now(); b.total > 0 && now.Sub(b.shown) >= pause {
		b.shown = now
		filled := min(width*done/b.total, width)
		_, _ = fmt.Fprintf(b.w, "\r[%s%s] %d of %d", strings.Repeat("#", filled), strings.Repeat(" ", width-filled), done, b.total)
	}
}

func (b *progressBar) clear() {
	if b.total > 0 {
		_, _ = fmt.Fprint(b.w, "\r\x1b[K")
	}
}
