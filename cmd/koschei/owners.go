package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei/internal/owners"
	"github.com/koschei-ci/koschei/internal/record/audit"
)

type ownersConfig struct {
	Interval time.Duration      `yaml:"interval" range:"1m 8760h" doc:"Time between passes."`
	Kind     string             `yaml:"kind" doc:"What url is: list, a file as Pagure makes it, or forgejo, an organisation at a Forgejo."`
	URL      string             `yaml:"url" doc:"Address of a list of owners, such as dist-git's pagure_owner_alias.json, or of an organisation, such as https://src.example.org/rpms."`
	Groups   []ownedGroupConfig `yaml:"groups" doc:"Groups that are kept as a list has them, each with group, url and optionally owner; see docs/services/owners.md."`
}

type ownedGroupConfig struct {
	Group string `yaml:"group"`
	URL   string `yaml:"url"`
	Owner string `yaml:"owner"`
}

// The kinds of owners.
const (
	ownersList    = "list"
	ownersForgejo = "forgejo"
)

// asks says whether anybody is to be asked.
func (c ownersConfig) asks() bool { return c.URL != "" || len(c.Groups) > 0 }

// check reports an address that is none.
func (c ownersConfig) check() error {
	if c.URL != "" && !isWebAddress(c.URL) {
		return fmt.Errorf("owners.url: %q is no address", c.URL)
	}
	if c.Kind != ownersList && c.Kind != ownersForgejo {
		return fmt.Errorf("owners.kind: %q must be %s or %s", c.Kind, ownersList, ownersForgejo)
	}
	for i, g := range c.Groups {
		if g.Group == "" || !isWebAddress(g.URL) {
			return fmt.Errorf("owners.groups, number %d: it needs a group, and a url that is an address", i+1)
		}
	}
	return nil
}

func isWebAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}

// ownersService returns the service.
func (c config) ownersService(db *store, log *slog.Logger) *owners.Service {
	s := &owners.Service{DB: db.Owners, View: db.View, Editor: db.Edit, Clock: c.Clock.clock(), Log: log}
	list := func(url string) owners.Source { return &owners.List{URL: url, Client: http.DefaultClient} }
	switch {
	case c.Owners.URL == "":
	case c.Owners.Kind == ownersForgejo:
		s.Source = &owners.Forge{URL: c.Owners.URL, Client: http.DefaultClient}
	default:
		s.Source = list(c.Owners.URL)
	}
	for _, g := range c.Owners.Groups {
		s.Groups = append(s.Groups, owners.Group{Name: g.Group, List: list(g.URL), Of: g.Owner})
	}
	return s
}

func (p *process) owners(w wiring) runner { return p.config.ownersService(p.db.store, w.log) }

func (a *console) syncOwners() *cobra.Command {
	var believe bool
	cmd := &cobra.Command{
		Use:   "sync-owners",
		Short: "Ask now whose packages are whose",
		Long: "Asks the list of owners that the configuration names. With --believe an answer is taken for true that knows\n" +
			"nobody, or less than half of what was known.",
		Example: "  koschei-admin sync-owners\n  koschei-admin sync-owners --believe",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.config()
			if err != nil {
				return err
			}
			if c.Owners.URL == "" {
				return badInput(fmt.Errorf("configuration: owners.url is not set"))
			}
			return a.change(cmd, func(ctx context.Context, db *store, act audit.Act) ([]string, error) {
				if err := c.ownersService(db, newLogger(c.Log)).Refresh(ctx, believe); err != nil {
					return nil, missing(err)
				}
				done := "asked whose packages are whose"
				if believe {
					done += ", and believed the answer"
				}
				return []string{done}, db.Edit.Note(ctx, act, "", "", done)
			})
		},
	}
	cmd.Flags().BoolVar(&believe, "believe", false, "take the answer for true, whatever it is")
	return cmd
}
