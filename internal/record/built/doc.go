// Package built stores what builds were made with: the packages of buildroots,
// interned, the sets of them, and what changed from one build to the next. A set
// is stored once, however many builds share it, and what is stored is never
// changed.
//
// Packages record and pasts write through it, inside their transactions. Which
// builds count, and what follows for their packages, is not its business.
package built
