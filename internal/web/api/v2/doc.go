// Package v2 tells the record to programs and lets them change it, as JSON. A route is
// an operation: a function from a struct that says what is asked to one that says what
// is answered. Requests are read by these types, and openapi.json is made from them, so
// that it cannot be wrong. docs/api.md describes the API to people.
//
// What is read comes from package view, what is changed goes through package edit, as it
// does for pages. The client of cmd/koschei uses the same types.
package v2
