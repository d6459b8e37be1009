package main

import (
	"strings"
	"testing"
)

func TestProgressBar(t *testing.T) {
	t.Parallel()
	var w strings.Builder
	bar := newProgressBar(&w, 200)
	bar.show(100)
	bar.clear()
	want := "\r[" + strings.Repeat("#", 20) + strings.Repeat(" ", 20) + "] 100 of 200\r\x1b[K"
	if got := w.String(); got != want {
		t.Errorf("the bar is %q, want %q", got, want)
	}
	var silent strings.Builder
	bar = newProgressBar(&silent, 0)
	bar.show(1)
	bar.clear()
	if got := silent.String(); got != "" {
		t.Errorf("without a total the bar is %q", got)
	}
}
