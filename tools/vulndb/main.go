// Command vulndb makes a database for govulncheck of the reports in the module
// golang.org/x/vulndb, so that the check needs no other server than the module proxy.
//
// Usage: vulndb MODULE-DIRECTORY DATABASE-DIRECTORY
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A report is what the index needs of a report in the OSV format.
type report struct {
	ID       string
	Modified time.Time
	Affected []struct {
		Package struct{ Name string }
		Ranges  []struct{ Events []map[string]string }
	}
	Aliases []string
}

type vuln struct {
	ID       string    `json:"id"`
	Modified time.Time `json:"modified"`
	Fixed    string    `json:"fixed,omitempty"`
	Aliases  []string  `json:"aliases,omitempty"`
}

type module struct {
	Path  string `json:"path"`
	Vulns []vuln `json:"vulns"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: vulndb MODULE-DIRECTORY DATABASE-DIRECTORY")
		os.Exit(2)
	}
	n, err := convert(os.Args[1], os.Args[2], time.Now().UTC())
	if err != nil {
		fmt.Fprintln(os.Stderr, "vulndb:", err)
		os.Exit(1)
	}
	fmt.Println(n, "reports")
}

// convert writes the database. The reports' own times may be zero; now stands for
// them.
func convert(from, to string, now time.Time) (int, error) {
	files, err := filepath.Glob(filepath.Join(from, "data", "osv", "*.json"))
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("%s has no reports in data/osv: %v", from, err)
	}
	for _, dir := range []string{"index", "ID"} {
		if err := os.MkdirAll(filepath.Join(to, dir), 0o755); err != nil {
			return 0, err
		}
	}
	modules := map[string]*module{}
	var vulns []vuln
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return 0, err
		}
		var r report
		if err := json.Unmarshal(text, &r); err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
		if err := os.WriteFile(filepath.Join(to, "ID", r.ID+".json"), text, 0o644); err != nil {
			return 0, err
		}
		vulns = append(vulns, vuln{ID: r.ID, Modified: now, Aliases: r.Aliases})
		for _, a := range r.Affected {
			m := modules[a.Package.Name]
			if m == nil {
				m = &module{Path: a.Package.Name}
				modules[m.Path] = m
			}
			v := vuln{ID: r.ID, Modified: now}
			for _, ranges := range a.Ranges {
				for _, event := range ranges.Events {
					if fixed := event["fixed"]; fixed != "" {
						v.Fixed = strings.TrimPrefix(fixed, "v")
					}
				}
			}
			m.Vulns = append(m.Vulns, v)
		}
	}
	var list []*module
	for _, m := range modules {
		list = append(list, m)
	}
	for name, v := range map[string]any{"db": map[string]any{"modified": now}, "modules": list, "vulns": vulns} {
		text, err := json.Marshal(v)
		if err == nil {
			err = os.WriteFile(filepath.Join(to, "index", name+".json"), text, 0o644)
		}
		if err != nil {
			return 0, err
		}
	}
	return len(files), nil
}
