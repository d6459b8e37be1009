package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// globals are the flags every subcommand understands.
type globals struct {
	configFiles []string
	dataDir     string
}

func (g *globals) register(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.StringArrayVar(&g.configFiles, "config", nil,
		"configuration file (YAML), or a directory of files NAME.yaml; given again, a later one goes over an earlier one key by key (default $KOSCHEI_CONFIG, separated by colons)")
	flags.StringVar(&g.dataDir, "data-dir", "", "home of the private PostgreSQL cluster and of caches")
}

// ownConfig is the configuration that a running demo leaves in its data
// directory. It is read when no other file is named, so that --data-dir is all
// that koschei-admin needs to work on a demo.
func ownConfig(dataDir string) string { return filepath.Join(dataDir, "koschei.yaml") }

// config returns the configuration in force: defaults, files, environment,
// flags, each over the one before.
func (g *globals) config() (config, error) {
	files := g.configFiles
	if g.dataDir != "" && len(files) == 0 {
		if own := ownConfig(g.dataDir); exists(own) {
			if err := trusted(own); err != nil {
				return config{}, badInput(err)
			}
			files = []string{own}
		}
	}
	if variable := os.Getenv("KOSCHEI_CONFIG"); variable != "" && len(files) == 0 {
		files = filepath.SplitList(variable)
	}
	c, err := loadConfig(files, os.Environ())
	if err != nil {
		return c, err
	}
	if g.dataDir != "" {
		c.DataDir = g.dataDir
	}
	return c, nil
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// newLogger returns a logger to stderr; unknown words mean info and text.
func newLogger(c logConfig) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo
	}
	opts := &slog.HandlerOptions{Level: level}
	if strings.EqualFold(c.Format, "json") {
		return slog.New(slog.NewJSONHandler(os.Stderr, opts))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, opts))
}
