// Package fault has Koji's faults: their codes, and the texts that are the same
// everywhere. The rules of the simulated build system and the simulated hub in
// front of it use it; how a fault is sent is the hub's business.
package fault
