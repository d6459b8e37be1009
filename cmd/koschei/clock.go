package main

import "github.com/koschei-ci/koschei"

// clock returns the clock of domain time.
func (c clockConfig) clock() koschei.Clock {
	return koschei.Clock{Speed: c.Speed, Start: c.Start, Epoch: c.Epoch}
}
