// Package draw makes what the simulated build system leaves to chance: numbers
// that follow from a seed and from what is to be decided, so that the same seed
// always gives the same world. All parts of the simulation use it. It is of no
// use where numbers must not be guessed.
package draw
