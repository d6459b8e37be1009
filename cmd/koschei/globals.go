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
	configFile string
	dataDir    string
}

func (g *globals) register(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.StringVar(&g.configFile, "config", "", "configuration file (YAML)")
	flags.StringVar(&g.dataDir, "data-dir", "", "home of the private PostgreSQL cluster and of caches")
}

// ownConfig is the configuration that a running demo leaves in its data
// directory. It is read when no other file is named, so that --data-dir is all
// that koschei-admin needs to work on a demo.
func ownConfig(dataDir string) string { return filepath.Join(dataDir, "koschei.yaml") }

// config returns the configuration in force: defaults, file, environment,
// flags, each over the one before.
func (g *globals) config() (config, error) {
	file := g.configFile
	if file == "" && g.dataDir != "" {
		if own := ownConfig(g.dataDir); exists(own) {
			if err := trusted(own); err != nil {
				return config{}, badInput(err)
			}
			file = own
		}
	}
	c, err := loadConfig(file, os.Environ())
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
