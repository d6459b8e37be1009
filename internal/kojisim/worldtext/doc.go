// Package worldtext reads descriptions of simulated build systems: [Parse] makes
// the world that a text describes, [Amend] has happen in a hub's world what a text
// says. cmd/kojisim and tests use it. It does not write such texts.
package worldtext
