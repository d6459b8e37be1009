// Package view is what pages, the API and commands read of the record: one method
// for each page or answer, which reads everything it needs from one snapshot. Its
// rows are made for showing and are nobody's to store.
//
// It stands on a postgres.Reader, whose connections cannot write: the server
// refuses. It knows nothing of package record, and record nothing of it.
package view
