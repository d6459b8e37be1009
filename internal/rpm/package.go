package rpm

// An Op is the set of comparisons a Relation allows: Less|Equal is "<=".
// The zero Op means any version.
type Op uint8

// The comparisons that an Op is made of. NoComparison is what nobody can read: no
// version meets it.
const (
	Less Op = 1 << iota
	Greater
	Equal
	NoComparison
)

// EVR is epoch, version and release. A missing epoch is 0, as RPM has it.
// An empty Release means "not given" and, in a relation, matches any release.
type EVR struct {
	Epoch   uint32
	Version string
	Release string
}

// A NEVRA names one binary (or, with Arch "src", source) package.
type NEVRA struct {
	Name string
	EVR
	Arch string
}

// A Relation is one entry of a package's dependency lists. A boolean
// dependency is kept as its text in Name, which then begins with "(", with no
// Op; ParseDep takes it apart.
type Relation struct {
	Name string
	Op   Op
	EVR  EVR
}

// A Package is what primary.xml says of one package, as far as resolution
// needs it. Slices keep the order of the file.
type Package struct {
	NEVRA
	PkgID    string // checksum of the package file, the key of <package>
	Location string // href, below Base if that is set, else below the repository
	Base     string // xml:base of the location, usually ""
	Source   string // file name of the source package, "" for a source package
	Flaw     string // why it cannot be used, one sentence; usually ""

	Requires    []Relation
	Provides    []Relation
	Conflicts   []Relation
	Obsoletes   []Relation
	Recommends  []Relation
	Suggests    []Relation
	Supplements []Relation
	Enhances    []Relation
	Files       []string // those that primary.xml lists
}
