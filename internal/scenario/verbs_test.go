package scenario_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/edit"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim/kojihub"
	"github.com/koschei-ci/koschei/internal/kojisim/worldtext"
	"github.com/koschei-ci/koschei/internal/postgres/pgtest"
	"github.com/koschei-ci/koschei/internal/record/maintain"
	"github.com/koschei-ci/koschei/internal/scheduler"
)

func hubVerbs() map[string]verb {
	return map[string]verb{
		"hub":              {1, hub},
		"hub is":           {1, hubIs},
		"hub loses":        {4, hubLoses},
		"bus is":           {1, busIs},
		"packager builds":  {1, packagerBuilds},
		"packager tags":    {1, tagging("tagBuildBypass")},
		"packager untags":  {1, tagging("untagBuildBypass")},
		"packager cancels": {1, packagerCancels},
		"kojira expires":   {1, kojira("repoExpire")},
		"kojira deletes":   {1, kojira("repoDelete")},
	}
}

func hub(p *play, _ []string, st *step) error {
	lines := []string{strings.TrimPrefix(st.text, "hub ")}
	for _, line := range st.block {
		lines = append(lines, " "+line)
	}
	return worldtext.Amend(p.Hub, strings.Join(lines, "\n"))
}

func hubIs(p *play, args []string, _ *step) error {
	faults, ok := map[string]kojihub.Faults{
		"well":       {},
		"offline":    {Offline: "scheduled outage"},
		"locked-out": {LockOut: true},
		"overloaded": {HTML503: true},
		"deaf":       {CutBefore: 1},
		"mute":       {CutAfter: 1},
	}[args[0]]
	if !ok {
		return fmt.Errorf("a hub is not %s", args[0])
	}
	p.Hub.SetFaults(faults)
	return nil
}

func hubLoses(p *play, args []string, _ *step) error {
	p.Hub.SetFaults(kojihub.Faults{Lose: args[len(args)-1]})
	return nil
}

func busIs(p *play, args []string, _ *step) error {
	faults, ok := map[string]kojihub.MessageFaults{
		"well":      {},
		"silent":    {Lose: 1},
		"repeating": {Repeat: 1},
	}[args[0]]
	if !ok {
		return fmt.Errorf("a bus is not %s", args[0])
	}
	p.Hub.SetMessageFaults(faults)
	return nil
}

// packagerBuilds makes a real build of a source that somebody uploads.
func packagerBuilds(p *play, args []string, _ *step) error {
	p.Administer("build", "cli-build/1/"+args[0]+".src.rpm", "f44", xmlrpc.Struct{}, 1)
	return nil
}

func tagging(method string) func(*play, []string, *step) error {
	return func(p *play, args []string, _ *step) error {
		tag := "f44"
		if len(args) > 1 {
			tag = args[1]
		}
		p.Administer(method, tag, args[0])
		return nil
	}
}

func packagerCancels(p *play, args []string, _ *step) error {
	b, err := p.newest(args[0])
	if err == nil {
		p.Administer("cancelTask", b.TaskID)
	}
	return err
}

func kojira(method string) func(*play, []string, *step) error {
	return func(p *play, args []string, _ *step) error {
		id, err := strconv.Atoi(args[0])
		if err == nil {
			p.Administer(method, id)
		}
		return err
	}
}

func operatorVerbs() map[string]verb {
	return map[string]verb{
		"operator sets":      {1, sets},
		"operator raises":    {2, prioritizes(edit.ManualPriority)},
		"operator ranks":     {2, prioritizes(edit.StaticPriority)},
		"operator retries":   {1, retries},
		"operator cancels":   {1, cancels},
		"operator overrides": {1, overrides},
		"operator tracks":    {1, tracks},
		"operator cleans":    {1, cleans},
		"operator stops":     {2, resolving(true)},
		"operator resumes":   {2, resolving(false)},
		"operator adds":      {1, addsCollection},
		"operator edits":     {2, editsCollection},
		"operator branches":  {2, branches},
		"operator groups":    {2, groups},
		"operator accepts":   {1, accepts},
		"operator pins":      {0, pins},
	}
}

func sets(p *play, args []string, _ *step) error {
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		n, err := strconv.ParseFloat(value, 64)
		switch {
		case name == "remake_repos":
			d, err := duration(value)
			if err != nil {
				return err
			}
			p.troupe.remake(d)
		case name == "build_arches":
			p.troupe.reconfigure(func(c *scheduler.Config) { c.BuildArches = strings.Split(value, ",") })
		case err != nil:
			return err
		case name == "max_builds":
			p.troupe.reconfigure(func(c *scheduler.Config) { c.MaxBuilds = int(n) })
		case name == "load_threshold":
			p.troupe.reconfigure(func(c *scheduler.Config) { c.LoadThreshold = n })
		default:
			return fmt.Errorf("unknown setting %q", name)
		}
	}
	return nil
}

func prioritizes(kind edit.PriorityKind) func(*play, []string, *step) error {
	return func(p *play, args []string, _ *step) error {
		value, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		name, collection := splitPackage(args[0])
		_, err = p.Store.SetPriority(p.T.Context(), p.author(), collection, []string{name}, kind, value)
		return err
	}
}

func retries(p *play, args []string, _ *step) error {
	name, collection := splitPackage(args[0])
	_, err := p.Store.RetryPackages(p.T.Context(), p.author(), collection, []string{name}, edit.Turn{Rules: p.Sync.Rules})
	return err
}

func tracks(p *play, args []string, _ *step) error {
	name, collection := splitPackage(args[0])
	_, err := p.Store.TrackPackages(p.T.Context(), p.author(), collection, []string{name}, false)
	return err
}

// cleans lets everything older than a duration be forgotten.
func cleans(p *play, args []string, _ *step) error {
	d, err := duration(args[0])
	if err != nil {
		return err
	}
	before := p.Clock.Now().Add(-d)
	_, err = p.Store.Cleanup(p.T.Context(), p.author(), maintain.Retention{
		Builds: before, Transitions: before, Repos: before, Events: before,
	})
	return err
}

func cancels(p *play, args []string, _ *step) error {
	b, err := p.newest(args[0])
	if err != nil {
		return err
	}
	_, err = p.Store.RequestCancel(p.T.Context(), p.author(), b.ID)
	return err
}

func overrides(p *play, args []string, _ *step) error {
	name, collection := splitPackage(args[0])
	_, err := p.Store.SetArchOverride(p.T.Context(), p.author(), collection, []string{name}, strings.Join(args[1:], " "))
	return err
}

// resolving sets what only the original's pages could, and a take-over brings.
func resolving(skip bool) func(*play, []string, *step) error {
	return func(p *play, args []string, _ *step) error {
		if args[0] != "resolving" {
			return errors.New("write: operator stops|resumes resolving PACKAGE")
		}
		name, collection := splitPackage(args[1])
		p.SetPackageIn(collection, name, pgtest.NotResolved(skip))
		return nil
	}
}

func addsCollection(p *play, args []string, _ *step) error {
	c := &koschei.Collection{
		Name: args[0], DisplayName: args[0], Order: koschei.DefaultOrder, Target: args[0], DestTag: "f44", BuildTag: "f44-build",
		BuildGroup: koschei.DefaultBuildGroup, PriorityCoefficient: 1, Weight: 1,
	}
	if err := setFields(c, args[1:]); err != nil {
		return err
	}
	if _, err := p.Store.CreateCollection(p.T.Context(), p.author(), c); err != nil {
		return err
	}
	stored, err := p.Sync.DB.Collection(p.T.Context(), c.Name)
	if err == nil && !slices.Contains(args, "packages=untracked") {
		err = p.Sync.PackageList(p.T.Context(), stored)
	}
	if err != nil {
		return err
	}
	_, err = p.Store.TrackPackages(p.T.Context(), p.author(), c.Name, nil, true)
	return err
}

func editsCollection(p *play, args []string, _ *step) error {
	_, err := p.Store.EditCollection(p.T.Context(), p.author(), args[0], func(c *koschei.Collection) error {
		return setFields(c, args[1:])
	})
	return err
}

func setFields(c *koschei.Collection, assignments []string) error {
	texts := map[string]*string{
		"target": &c.Target, "dest_tag": &c.DestTag, "build_tag": &c.BuildTag, "build_group": &c.BuildGroup,
	}
	numbers := map[string]*float64{"coefficient": &c.PriorityCoefficient, "weight": &c.Weight}
	for _, a := range assignments {
		name, value, _ := strings.Cut(a, "=")
		switch {
		case texts[name] != nil:
			*texts[name] = value
		case numbers[name] != nil:
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return err
			}
			*numbers[name] = n
		case name == "lenient":
			c.Lenient = value == "true"
		case name == "order":
			n, err := strconv.Atoi(value)
			if err != nil {
				return err
			}
			c.Order = n
		default:
			return fmt.Errorf("unknown field %q of a collection", name)
		}
	}
	return nil
}

// branches makes the master go on for a target of its new name.
func branches(p *play, args []string, _ *step) error {
	_, err := p.Store.BranchCollection(p.T.Context(), p.author(), edit.Branch{
		Master: args[0], NewName: args[1], Target: args[1], DestTag: args[1], BuildTag: args[1] + "-build", DisplayName: args[0],
	})
	return err
}

// accepts believes what the hub says of a collection.
func accepts(p *play, args []string, _ *step) error {
	_, err := p.Store.AcceptNews(p.T.Context(), p.author(), args[0])
	return err
}

// pins has builds ask for their repos again.
func pins(p *play, _ []string, _ *step) error {
	_, err := p.Store.RetryPinning(p.T.Context(), p.author())
	return err
}

func groups(p *play, args []string, _ *step) error {
	_, err := p.Store.CreateGroup(p.T.Context(), p.author(), args[0], args[1:], nil)
	return err
}
