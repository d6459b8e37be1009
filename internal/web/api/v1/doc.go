// Package v1 tells the record to programs, as JSON, in exactly the shape that
// clients of Koschei know. It is frozen: an answer that has another byte is a
// mistake. openapi.json describes it to programs, docs/api.md to people.
//
// It changes nothing; what pages show is none of its business.
package v1
