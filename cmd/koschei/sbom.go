package main

import (
	"errors"
	"io"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

func newSBOMCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "sbom",
		Short: "Print what this program is made of, as CycloneDX",
		Long: "Prints the modules that the program was compiled from, with their versions and checksums, and the\n" +
			"version of Go, as the go command recorded them. It is the same for the same program.",
		Example: "  koschei sbom > sbom.cdx.json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			info, ok := debug.ReadBuildInfo()
			if !ok {
				return errors.New("the program does not know what it is made of: it was compiled without modules")
			}
			return printSBOM(cmd.OutOrStdout(), info)
		},
	}
}

// A component is a part of a bill of materials, in the words of CycloneDX 1.6.
type component struct {
	Type       string     `json:"type"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	PURL       string     `json:"purl"`
	Ref        string     `json:"bom-ref"`
	Properties []property `json:"properties,omitempty"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func printSBOM(w io.Writer, info *debug.BuildInfo) error {
	components := []component{}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		c := goComponent(m.Path, m.Version)
		if m.Sum != "" {
			c.Properties = []property{{"go:sum", m.Sum}}
		}
		components = append(components, c)
	}
	components = append(components, goComponent("std", strings.TrimPrefix(info.GoVersion, "go")))
	program := goComponent(info.Main.Path, version())
	program.Type = "application"
	return printJSON(w, map[string]any{
		"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
		"metadata": map[string]any{"component": program}, "components": components,
	})
}

func goComponent(path, version string) component {
	purl := "pkg:golang/" + path + "@" + version
	return component{Type: "library", Name: path, Version: version, PURL: purl, Ref: purl}
}
