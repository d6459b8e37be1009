package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/koschei-ci/koschei/internal/web"
	v2 "github.com/koschei-ci/koschei/internal/web/api/v2"
)

// A client asks the API of a server what pages show.
type client struct {
	server     string
	tokenFile  string
	collection string
	output     string
	utc        bool
	now        func() time.Time
	http       *http.Client
}

// outputs are the forms of results.
var outputs = []string{"text", "wide", "json", "yaml", "name"}

// newClientCommands are what people ask a server with.
func newClientCommands() []*cobra.Command {
	c := &client{now: time.Now, http: &http.Client{Timeout: time.Minute}}
	commands := []*cobra.Command{
		c.packageCommand(), c.whyCommand(), c.buildCommand(), c.compareCommand(), c.queueCommand(), c.updatesCommand(), c.packagesCommand(), c.followCommand(),
	}
	for _, cmd := range commands {
		flags := cmd.Flags()
		flags.StringVar(&c.server, "server", os.Getenv("KOSCHEI_SERVER"), "address of the pages, as https://koschei.example.org")
		flags.StringVar(&c.tokenFile, "token-file", os.Getenv("KOSCHEI_TOKEN_FILE"), "file with a token, which nobody else may read")
		flags.StringVarP(&c.collection, "collection", "c", "", "collection; the only one there is if it is not given")
		flags.StringVarP(&c.output, "output", "o", "text", "form of the result: "+strings.Join(outputs, ", "))
		flags.BoolVar(&c.utc, "utc", false, "print times in full and not as ages")
		_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(outputs, cobra.ShellCompDirectiveNoFileComp))
		_ = cmd.RegisterFlagCompletionFunc("collection", c.completeCollections)
	}
	return commands
}

// mostAnswered bounds what is read of an answer.
const mostAnswered = 64 << 20

// get asks for what is at an address of the API.
func (c *client) get(ctx context.Context, path string, query url.Values, answer any) error {
	base, err := url.Parse(c.server)
	if c.server == "" || err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return badInput(errors.New("which server? Say --server https://koschei.example.org or set KOSCHEI_SERVER"))
	}
	address := strings.TrimSuffix(base.Scheme+"://"+base.Host+base.EscapedPath(), "/") + "/api/v2" + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return badInput(err)
	}
	if err := c.authorize(r, base); err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "koschei")
	w, err := c.http.Do(r)
	if err != nil {
		return missing(fmt.Errorf("the server does not answer: %w", err))
	}
	defer func() { _ = w.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(w.Body, mostAnswered))
	if err != nil {
		return missing(fmt.Errorf("the answer did not come whole: %w", err))
	}
	if w.StatusCode != http.StatusOK {
		return refusal(w.StatusCode, text)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return missing(fmt.Errorf("%s is no answer of Koschei's API: %w", address, err))
	}
	return nil
}

// refusal is what the server says of why it does not answer.
func refusal(status int, text []byte) error {
	var problem web.ProblemDetails
	if err := json.Unmarshal(text, &problem); err != nil || problem.Detail == "" {
		return missing(fmt.Errorf("the server answers with status %d", status))
	}
	sentence := errors.New(strings.TrimSuffix(problem.Detail, "."))
	switch {
	case status == http.StatusBadRequest:
		return badInput(sentence)
	case status >= http.StatusInternalServerError || status == http.StatusTooManyRequests:
		return missing(sentence)
	}
	return sentence
}

// authorize adds the token, if there is one. It goes over no wire that anybody can
// read.
func (c *client) authorize(r *http.Request, server *url.URL) error {
	if c.tokenFile == "" {
		return nil
	}
	if server.Scheme != "https" && !isLoopback(server.Hostname()) {
		return badInput(errors.New("a token is sent to https:// addresses only"))
	}
	info, err := os.Stat(c.tokenFile)
	if err != nil {
		return badInput(fmt.Errorf("reading the token: %w", err))
	}
	if info.Mode().Perm()&0o077 != 0 {
		return badInput(fmt.Errorf("others can read %s: say chmod 600 %s", c.tokenFile, c.tokenFile))
	}
	token, err := readSecret(c.tokenFile)
	if err != nil {
		return badInput(fmt.Errorf("reading the token: %w", err))
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return nil
}

// one is the collection to ask about: the one that was named, or the only one.
func (c *client) one(ctx context.Context) (string, error) {
	if c.collection != "" {
		return c.collection, nil
	}
	names, err := c.collections(ctx)
	if err != nil {
		return "", err
	}
	if len(names) != 1 {
		return "", badInput(fmt.Errorf("which collection? Say --collection with one of %s", strings.Join(names, ", ")))
	}
	return names[0], nil
}

func (c *client) collections(ctx context.Context) ([]string, error) {
	var list v2.ListOf[v2.Collection]
	if err := c.get(ctx, "/collections", nil, &list); err != nil {
		return nil, err
	}
	var names []string
	for _, known := range list.Items {
		names = append(names, known.Name)
	}
	return names, nil
}

// print prints an answer: text writes it for people, names are its names alone.
func (c *client) print(w io.Writer, answer any, text func(*table), names func() []string) error {
	switch c.output {
	case "json":
		return printJSON(w, answer)
	case "yaml":
		return printYAML(w, answer)
	case "name":
		_, err := io.WriteString(w, strings.Join(append(names(), ""), "\n"))
		return err
	}
	var out bytes.Buffer
	t := newTable(&out, w, c)
	text(t)
	if err := t.end(); err != nil {
		return err
	}
	_, err := w.Write(out.Bytes())
	return err
}

// printYAML prints what JSON has, with the same names.
func printYAML(w io.Writer, answer any) error {
	text, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil { // YAML has JSON in it
		return err
	}
	plain(&node)
	return yaml.NewEncoder(w).Encode(&node)
}

// plain takes the style of JSON off a node.
func plain(node *yaml.Node) {
	node.Style = 0
	for _, part := range node.Content {
		plain(part)
	}
}

// checkOutput says whether the form of the result is none.
func (c *client) checkOutput() error {
	for _, known := range outputs {
		if c.output == known {
			return nil
		}
	}
	return badInput(fmt.Errorf("--output %s: it must be one of %s", c.output, strings.Join(outputs, ", ")))
}

// completeCollections is for shells.
func (c *client) completeCollections(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	names, err := c.collections(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completePackages is for shells: names that begin with what was typed.
func (c *client) completePackages(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	query := url.Values{"prefix": {typed}, "limit": {"50"}}
	if c.collection != "" {
		query.Set("collection", c.collection)
	}
	var list v2.ListOf[v2.ListedPackage]
	if err := c.get(cmd.Context(), "/packages", query, &list); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, p := range list.Items {
		if len(names) == 0 || names[len(names)-1] != p.Name {
			names = append(names, p.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
