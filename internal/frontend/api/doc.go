// Package api tells the record to programs, as JSON, at the two addresses and
// in exactly the shape that clients of Koschei know. Package frontend serves
// it. It changes nothing; what pages show is none of its business.
package api
