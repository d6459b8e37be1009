// Package xmlrpc reads and writes the dialect of XML-RPC that a Koji hub
// speaks: nil, 64-bit integers, named arguments in a last struct marked
// "__starstar", calls packed into multiCall, and the hub's own layout of the
// bytes. The hub client (package koji) and the simulated hub (package kojisim)
// share it, so both directions are here.
//
// A value is one of
//
//	nil       <nil/>, distinct from every zero value
//	bool      <boolean>
//	int64     <int>, <i4>, <i8>
//	float64   <double>
//	string    <string>, text without a type
//	DateTime  <dateTime.iso8601>, which the hub only echoes
//	[]byte    <base64>
//	[]any     <array>
//	Struct    <struct>, its members in the order they were sent
//
// Decoding yields exactly these. Encoding takes a few more, such as int and
// []string, for the convenience of callers. Unmarshal turns a value into Go
// structs.
//
// The package does no HTTP, knows no sessions and no method of the hub.
// Input is not trusted: size, depth and number of values are limited, and
// document types and entities are refused, as the hub refuses them.
package xmlrpc
