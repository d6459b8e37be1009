// Package session stores who has signed in: which users are known, and the
// sessions of their browsers. Of what a browser shows to be let in, only a hash is
// stored, so that whoever reads the database cannot be somebody else. The web signs
// people in through it.
//
// It does not know how somebody proved who they are, and decides nothing about what
// they may do: that is the login's and koschei.Actor's business. Administrators end
// the sessions of others through package edit, which writes the audit log.
package session
