// Package audit keeps the log of what people and services decided: who changed
// what, from what to what. Each entry is written by the transaction that makes
// the change, so there is one for each change and for nothing else. Packages edit
// and maintain write it; package view reads it.
package audit
