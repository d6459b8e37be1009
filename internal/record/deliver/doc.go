// Package deliver keeps events on their way to those who want to know of them: a
// sink gets each event from its creation on, and each delivery is stored under a
// key that is never used twice. The notifier uses it. What an event means to
// whom, and how it is worded, is not its business.
package deliver
