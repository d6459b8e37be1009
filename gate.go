package koschei

// A GateState is how far the test of a collection is that a gate waits for: whether
// the packages that build in another collection, its base, build in it, too.
type GateState string

// The states of gates.
const (
	GateUnknown GateState = ""        // there is no repo yet
	GateRunning GateState = "running" // packages are being built, or are due
	GatePassed  GateState = "passed"  // all build that build in the base
	GateFailed  GateState = "failed"  // some do not, or the base buildroot is broken
	GateAborted GateState = "aborted" // a newer repo is tested instead
)

// A GateFacts is what there is to say of the collection of a gate.
type GateFacts struct {
	DisplayName string
	Hub         Hub    // that its repos are at
	DestTag     string // that its builds are tagged in
	BuildTag    string // that its repos are made of
	Builds      []GateBuild
	Packages    int      // tracked ones
	Broken      []string // those of them that do not build, and do in the base
}

// A GateBuild is a build that a collection has and its base has not.
type GateBuild struct {
	TaskID  int64
	Owner   string // "" if that is not known
	Package string
	NVR     string
}
