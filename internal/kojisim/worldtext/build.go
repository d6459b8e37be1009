package worldtext

import (
	"fmt"
	"strings"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/rpm"
)

// A parsedBuild is a build whose description is being read.
type parsedBuild struct {
	name       string
	evr        rpm.EVR
	owner, tag string
	kojisim.Content
	binary *rpm.Package // the one that was named last, nil before the first
}

// detail reads a line that belongs to a build or one of its binary packages.
func (b *parsedBuild) detail(word, rest string) error {
	switch word {
	case "image":
		b.Image = true
	case "buildarchs":
		b.BuildArchs = strings.Fields(rest)
	case "exclusivearch":
		b.Exclusive = strings.Fields(rest)
	case "excludearch":
		b.Exclude = strings.Fields(rest)
	case "binary":
		name, arch, _ := strings.Cut(rest, " ")
		if arch == "" {
			arch = "x86_64"
		}
		b.binary = b.AddBinary(name, kojisim.RPMEVR(b.evr), arch)
	case "requires", "provides", "conflicts":
		r, err := rpm.ParseRelation(rest)
		if err != nil {
			return err
		}
		switch {
		case word == "conflicts" && b.binary != nil:
			b.binary.Conflicts = append(b.binary.Conflicts, r)
		case word == "conflicts":
			b.Conflicts = append(b.Conflicts, r)
		case word == "provides" && b.binary == nil:
			return fmt.Errorf("provides stands below no binary package")
		case word == "provides":
			b.binary.Provides = append(b.binary.Provides, r)
		case b.binary != nil:
			b.binary.Requires = append(b.binary.Requires, r)
		default:
			b.Requires = append(b.Requires, r)
		}
	default:
		return fmt.Errorf("unknown word %q", word)
	}
	return nil
}

// make makes the build that was read.
func (b *parsedBuild) make(w *kojisim.System) error {
	owner, err := findUser(w, b.owner)
	if err != nil {
		return err
	}
	pkg := w.PackageByName(b.name)
	if pkg == nil {
		return fmt.Errorf("no package %q", b.name)
	}
	made := w.ImportBuild(pkg, b.evr, b.Content, owner)
	if b.tag == "" {
		return nil
	}
	t, err := findTag(w, b.tag)
	if err != nil {
		return err
	}
	w.TagBuild(t, made, owner)
	return nil
}
