package koji

import (
	"context"
	"fmt"
	"strings"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// An RPM is a package file of a build.
type RPM struct {
	ID      int64  `koji:"id"`
	BuildID int64  `koji:"build_id"`
	Name    string `koji:"name"`
	Epoch   *int   `koji:"epoch"`
	Version string `koji:"version"`
	Release string `koji:"release"`
	Arch    string `koji:"arch"`
	Size    int64  `koji:"size"`
}

// NEVRA returns the file's name with the epoch.
func (r *RPM) NEVRA() rpm.NEVRA {
	return rpm.NEVRA{Name: r.Name, EVR: evr(r.Epoch, r.Version, r.Release), Arch: r.Arch}
}

// EVR returns what orders the build among those of its package for RPM.
func (b *Build) EVR() rpm.EVR { return evr(b.Epoch, b.Version, b.Release) }

func evr(epoch *int, version, release string) rpm.EVR {
	e := rpm.EVR{Version: version, Release: release}
	if epoch != nil {
		e.Epoch = uint32(max(0, *epoch))
	}
	return e
}

// SRPM returns the source package of a build; ErrNotFound if it has none.
func (c *Client) SRPM(ctx context.Context, buildID int64) (*RPM, error) {
	files, err := readList[RPM](ctx, c, "listRPMs", named("buildID", buildID, "arches", "src"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, notFound("source package of build", buildID)
	}
	return &files[0], nil
}

// Dependency types and flags of the hub, which are RPM's.
const (
	depRequire  = 0
	depConflict = 3

	flagLess      = 1 << 1
	flagGreater   = 1 << 2
	flagEqual     = 1 << 3
	flagMissingOK = 1 << 19 // weak
	flagRPMLib    = 1 << 24 // a feature of rpm, not a package
)

// BuildDeps are the BuildRequires and BuildConflicts of one source package, or why
// they are not known.
type BuildDeps struct {
	Requires, Conflicts []rpm.Relation
	Err                 error
}

// BuildDeps returns the BuildRequires and BuildConflicts of source packages, in
// their order.
//
// The hub answers nothing at all where it does not know the package or cannot
// find its file, also if its storage is away for a moment. That is told from a
// package without BuildRequires, which still requires features of rpm, and ends
// in ErrNotFound for that package. Generated requirements count, weak ones do
// not.
func (c *Client) BuildDeps(ctx context.Context, sources []rpm.NEVRA) ([]BuildDeps, error) {
	which, err := c.whichRPMs(ctx, sources)
	if err != nil {
		return nil, err
	}
	calls := make([]xmlrpc.Call, len(sources))
	for i := range sources {
		calls[i] = xmlrpc.Call{Method: "getRPMDeps", Params: []any{which[i]}} // of all types: the hub reads the file once
	}
	results, err := c.Multicall(ctx, calls)
	if err != nil {
		return nil, err
	}
	answers := make([]BuildDeps, len(sources))
	for i, r := range results {
		if err := buildDeps(r, &answers[i]); err != nil {
			answers[i] = BuildDeps{Err: fmt.Errorf("BuildRequires of %s: %w", sources[i], err)}
		}
	}
	return answers, nil
}

// A dependency is an entry of a package's dependency list at the hub.
type dependency struct {
	Name    string `koji:"name"`
	Version string `koji:"version"`
	Flags   int    `koji:"flags"`
	Type    int    `koji:"type"`
}

func buildDeps(r xmlrpc.Result, deps *BuildDeps) error {
	var entries []dependency
	if err := resultOf(r, &entries); err != nil {
		return err
	}
	if len(entries) == 0 {
		return errNoHeader()
	}
	for _, e := range entries {
		list := map[int]*[]rpm.Relation{depRequire: &deps.Requires, depConflict: &deps.Conflicts}[e.Type]
		if list == nil || e.Flags&(flagRPMLib|flagMissingOK) != 0 {
			continue
		}
		*list = append(*list, e.relation())
	}
	return nil
}

func (d dependency) relation() rpm.Relation {
	r := rpm.Relation{Name: d.Name}
	if d.Flags&flagLess != 0 {
		r.Op |= rpm.Less
	}
	if d.Flags&flagGreater != 0 {
		r.Op |= rpm.Greater
	}
	if d.Flags&flagEqual != 0 {
		r.Op |= rpm.Equal
	}
	if r.Op == 0 || d.Version == "" {
		return rpm.Relation{Name: d.Name}
	}
	evr, err := rpm.ParseEVR(d.Version)
	if err != nil { // kept as it stands: whoever resolves it says what is wrong with it
		return rpm.Relation{Name: fmt.Sprint(d.Name, " ", r.Op, " ", d.Version)}
	}
	r.EVR = evr
	return r
}

// SourceArches is what a source package says of the architectures it can be
// built for, or why that is not known.
type SourceArches struct {
	BuildArches []string `koji:"BUILDARCHS"`
	Exclude     []string `koji:"EXCLUDEARCH"`
	Exclusive   []string `koji:"EXCLUSIVEARCH"`
	Err         error
}

// SourceArches reads the headers of source packages, in their order. As with
// BuildRequires a package that the hub says nothing of ends in ErrNotFound.
func (c *Client) SourceArches(ctx context.Context, sources []rpm.NEVRA) ([]SourceArches, error) {
	headers := []string{"BUILDARCHS", "EXCLUDEARCH", "EXCLUSIVEARCH"}
	which, err := c.whichRPMs(ctx, sources)
	if err != nil {
		return nil, err
	}
	calls := make([]xmlrpc.Call, len(sources))
	for i := range sources {
		calls[i] = xmlrpc.Call{Method: "getRPMHeaders", Params: []any{named("rpmID", which[i], "headers", headers)}}
	}
	results, err := c.Multicall(ctx, calls)
	if err != nil {
		return nil, err
	}
	answers := make([]SourceArches, len(sources))
	for i, r := range results {
		if err := sourceArches(r, &answers[i]); err != nil {
			answers[i] = SourceArches{Err: fmt.Errorf("architectures of %s: %w", sources[i], err)}
		}
	}
	return answers, nil
}

func sourceArches(r xmlrpc.Result, arches *SourceArches) error {
	if err := resultOf(r, arches); err != nil {
		return err
	}
	if members, ok := r.Value.(xmlrpc.Struct); ok && len(members) == 0 {
		return errNoHeader()
	}
	return nil
}

func errNoHeader() error {
	return fmt.Errorf("the hub has no header of it: %w", koschei.ErrNotFound)
}

// whichRPMs are source packages as the hub is asked for them. Those of draft builds
// are named with the release of the build, which their own lacks, and which
// several drafts may share. They are asked for by their ids.
func (c *Client) whichRPMs(ctx context.Context, sources []rpm.NEVRA) ([]any, error) {
	which := make([]any, len(sources))
	var drafts []int
	var nvrs []string
	for i, n := range sources {
		if which[i] = nvra(n); strings.Contains(n.Release, draftMark) {
			drafts = append(drafts, i)
			nvrs = append(nvrs, n.Name+"-"+n.Version+"-"+n.Release)
		}
	}
	if len(drafts) == 0 {
		return which, nil
	}
	builds, err := c.FindBuilds(ctx, nvrs)
	if err != nil {
		return nil, err
	}
	places, files, err := c.sourceFiles(ctx, builds)
	for i, place := range places {
		if len(files[i]) > 0 {
			which[drafts[place]] = files[i][0].ID
		}
	}
	return which, err
}

// WithoutSource tells of builds, by their name-version-release and their places,
// which have no source package, as those of images and modules. Of those that the
// hub does not have it is not said.
func (c *Client) WithoutSource(ctx context.Context, nvrs []string) ([]bool, error) {
	builds, err := c.FindBuilds(ctx, nvrs)
	if err != nil {
		return nil, err
	}
	without := make([]bool, len(nvrs))
	places, files, err := c.sourceFiles(ctx, builds)
	for i, place := range places {
		without[place] = len(files[i]) == 0
	}
	return without, err
}

// sourceFiles returns the source packages of those builds that are not nil, with
// the builds' places.
func (c *Client) sourceFiles(ctx context.Context, builds []*Build) (places []int, files [][]RPM, err error) {
	var calls []xmlrpc.Call
	for i, b := range builds {
		if b != nil {
			places = append(places, i)
			calls = append(calls, xmlrpc.Call{Method: "listRPMs", Params: []any{named("buildID", b.ID, "arches", "src")}})
		}
	}
	files, err = multicallOf[[]RPM](ctx, c, calls)
	if err != nil {
		return nil, nil, err
	}
	return places, files, nil
}

// draftMark begins what Koji adds to the release of a draft build.
const draftMark = ",draft_"

// nvra names a package file to the hub. It needs no epoch: the rest is unique.
func nvra(n rpm.NEVRA) xmlrpc.Struct {
	return xmlrpc.Struct{
		{Name: "name", Value: n.Name},
		{Name: "version", Value: n.Version},
		{Name: "release", Value: n.Release},
		{Name: "arch", Value: n.Arch},
	}
}
