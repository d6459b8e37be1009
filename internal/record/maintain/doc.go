// Package maintain keeps the record in order: it forgets what is old, finds what
// has come to a standstill and what contradicts itself, and mends that where it
// can. The self-check and the command "cleanup" use it. What is found is told as
// koschei.Finding.
//
// What mends is a method of *Fenced: one process does it at a time.
package maintain
