// Package kubernetes is no code: it tests the chart, without a cluster. The objects
// that the chart makes of each file of values are in testdata. Each is looked at as an
// API server would: strict decoding, defaults, validation, and Pod Security at the
// level "restricted". Helm itself is needed only to make them anew, and to try values
// that are to be refused.
//
// It is a module of its own, because half of Kubernetes is needed for that and
// nothing of it for Koschei.
package kubernetes
