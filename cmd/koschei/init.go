package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"text/template"
	"time"

	"github.com/spf13/cobra"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/postgres"
)

// A setup is what init asks for, and what it finds out at the hub.
type setup struct {
	file     string
	config   config
	target   string
	buildTag string
	asks     *bufio.Reader // nil without a terminal
	out      io.Writer
}

func newInitCommand() *cobra.Command {
	s := &setup{config: defaultConfig()}
	k := &s.config.Koji
	cmd := &cobra.Command{
		Use:   "init FILE",
		Short: "Write a first configuration, asking for what matters",
		Long: "Asks for the hub, the login and a build target, tries them, and writes a configuration with the keys\n" +
			"that matter; all others have usable values. Then it looks at all that the configuration names, as\n" +
			"check-config does. What a flag says is not asked for. Without a terminal, flags must say it all.\n" +
			"FILE must not exist, and nothing is written if the hub says no.",
		Example: "  koschei init koschei.yaml\n  koschei init koschei.yaml --hub https://koji.example.org/kojihub --target f44 --login kerberos --keytab /etc/krb5.keytab --principal koschei@EXAMPLE.ORG",
		Args:    exactly(1, "the name of a file to write"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s.file, s.out = args[0], cmd.OutOrStdout()
			if isTerminal(os.Stdin) {
				s.asks = bufio.NewReader(cmd.InOrStdin())
			}
			return s.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&k.Server, "hub", "", "address of the hub's XML-RPC interface")
	flags.StringVar(&k.TopURL, "topurl", "", "address below which repos and logs are served (default beside the hub)")
	flags.StringVar(&k.WebURL, "weburl", "", "address of Koji's web pages (default beside the hub)")
	flags.StringVar(&k.CA, "ca", "", "PEM file with the hub's certificate authorities (default the system's)")
	flags.StringVar(&s.target, "target", "", "build target of the first release, such as f44")
	flags.StringVar(&k.Login, "login", "", "how to log in: none, ssl, kerberos or password")
	flags.StringVar(&k.Certificate, "certificate", "", "PEM file with certificate and key for login ssl")
	flags.StringVar(&k.Principal, "principal", "", "principal for login kerberos")
	flags.StringVar(&k.Keytab, "keytab", "", "keytab for login kerberos")
	flags.StringVar(&k.User, "user", "", "user for login password")
	flags.StringVar(&k.PasswordFile, "password-file", "", "file that holds the password for login password")
	flags.StringVar(&s.config.Database.URL, "database", "", "postgres:// address (default a private cluster)")
	return cmd
}

// run asks, tries and writes.
func (s *setup) run(ctx context.Context) error {
	if _, err := os.Lstat(s.file); !errors.Is(err, fs.ErrNotExist) {
		return badInput(fmt.Errorf("%s exists already", s.file))
	}
	k := &s.config.Koji
	beside := func(name string) string { return strings.TrimSuffix(k.Server, "kojihub") + name }
	for _, q := range []struct {
		value    *string
		flag     string
		question string
		usual    func() string // the answer of who says nothing; nil if there must be one
	}{
		{&k.Server, "hub", "Address of the hub, such as https://koji.example.org/kojihub", nil},
		{&k.TopURL, "topurl", "Address below which the hub's repos are served", func() string { return beside("kojifiles") }},
		{&k.WebURL, "weburl", "Address of the hub's web pages", func() string { return beside("koji") }},
		{&s.target, "target", "Build target of the first release, such as f44", nil},
		{&k.Login, "login", "How to log in: none, ssl, kerberos or password", func() string { return "none" }},
	} {
		if err := s.ask(q.value, q.flag, q.question, q.usual); err != nil {
			return err
		}
	}
	if err := s.askLogin(); err != nil {
		return err
	}
	if err := s.ask(&s.config.Database.URL, "database", "Address of the database, such as postgres://koschei@db.example.org/koschei", func() string { return "" }); err != nil {
		return err
	}
	if err := s.try(ctx); err != nil {
		return err
	}
	if err := s.write(); err != nil {
		return err
	}
	s.check(ctx)
	_, err := fmt.Fprintf(s.out, `Go on with:
  koschei --config %[1]s migrate
  koschei-admin --config %[1]s check-config
  koschei-admin --config %[1]s create-collection %[2]s --display-name %[2]s --target %[2]s
`, s.file, s.target)
	return err
}

// check prints what check-config finds, as far as there is something to look at.
func (s *setup) check(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	r := &checkReport{}
	db, err := s.database(ctx)
	switch {
	case s.config.Database.URL == "":
		r.fine("database: none is configured; a private cluster is made when it is needed")
	case errors.Is(err, postgres.ErrSchemaOlder):
		r.fine("database: it answers; migrate makes its tables")
	case err != nil:
		r.problem("%v", err)
	default:
		r.fine("database: ok")
		defer func() { _ = db.close(ctx) }()
	}
	var tables *store
	if db != nil {
		tables = db.store
	}
	r.look(ctx, s.config, tables)
	_, _ = fmt.Fprintln(s.out, "check-config finds:")
	for _, line := range append(r.Fine, r.Problems...) {
		_, _ = fmt.Fprintln(s.out, "  "+strings.Join(strings.Fields(line), " "))
	}
	switch n := len(r.Problems); {
	case n == 1:
		_, _ = fmt.Fprintln(s.out, "1 problem was found. Mend it before the services start.")
	case n > 1:
		_, _ = fmt.Fprintf(s.out, "%d problems were found. Mend them before the services start.\n", n)
	}
}

// database is the configured one if it has its tables.
func (s *setup) database(ctx context.Context) (*database, error) {
	if s.config.Database.URL == "" {
		return nil, nil
	}
	db, err := configuredDatabase(ctx, s.config)
	if err != nil {
		return nil, err
	}
	if err := db.Ready(ctx); err != nil {
		return nil, errors.Join(err, db.close(ctx))
	}
	return db, nil
}

// askLogin asks for what the login needs.
func (s *setup) askLogin() error {
	k := &s.config.Koji
	var errs []error
	need := func(value *string, flag, question string) { errs = append(errs, s.ask(value, flag, question, nil)) }
	switch k.Login {
	case "ssl":
		need(&k.Certificate, "certificate", "PEM file with certificate and key")
	case "kerberos":
		need(&k.Principal, "principal", "Kerberos principal")
		need(&k.Keytab, "keytab", "File with its keytab")
	case "password":
		need(&k.User, "user", "User at the hub")
		need(&k.PasswordFile, "password-file", "File that holds the password")
	}
	return errors.Join(errs...)
}

// ask lets a person say a value that no flag has said.
func (s *setup) ask(value *string, flag, question string, usual func() string) error {
	if *value != "" {
		return nil
	}
	answer := ""
	if usual != nil {
		answer = usual()
	}
	if s.asks != nil {
		_, _ = fmt.Fprintf(s.out, "%s [%s]: ", question, answer)
		line, err := s.asks.ReadString('\n')
		if err != nil {
			return badInput(errors.New("nothing was written"))
		}
		answer = cmp.Or(strings.TrimSpace(line), answer)
	}
	if *value = answer; answer == "" && usual == nil {
		return badInput(fmt.Errorf("%s? Say --%s", question, flag))
	}
	return nil
}

// try asks the hub whether all that is so.
func (s *setup) try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	if err := s.config.check(); err != nil {
		return badInput(err)
	}
	return withHubs(ctx, s.config, func(hubs koji.Hubs) error {
		hub := hubs.Primary
		target, err := hub.BuildTarget(ctx, s.target)
		if errors.Is(err, koschei.ErrNotFound) {
			return badInput(fmt.Errorf("the hub has no build target %s", s.target))
		}
		if err != nil {
			return missing(fmt.Errorf("hub: %w", err))
		}
		s.buildTag = target.BuildTag
		tag, err := hub.BuildConfig(ctx, target.BuildTag)
		if err != nil {
			return missing(fmt.Errorf("hub: the build tag %s: %w", target.BuildTag, err))
		}
		if s.config.Koji.BuildArches = tag.Arches; len(tag.Arches) == 0 {
			return badInput(fmt.Errorf("the build tag %s has no architectures: nothing can be built there", target.BuildTag))
		}
		if s.config.Koji.Login != "none" {
			user, err := hub.LoggedInUser(ctx)
			if err != nil {
				return missing(fmt.Errorf("hub: logging in: %w", err))
			}
			_, _ = fmt.Fprintf(s.out, "The hub knows us as %s.\n", user.Name)
		}
		return s.tryRepo(ctx, hub, tag.Arches[0])
	})
}

// tryRepo looks whether repos are served where they should be.
func (s *setup) tryRepo(ctx context.Context, hub *koji.Client, arch string) error {
	repo, err := hub.Repo(ctx, s.buildTag)
	if errors.Is(err, koschei.ErrNotFound) || repo == nil && err == nil {
		_, _ = fmt.Fprintf(s.out, "The build tag %s has no repo yet, so koji.topurl was not tried.\n", s.buildTag)
		return nil
	}
	if err != nil {
		return missing(fmt.Errorf("hub: the repo of %s: %w", s.buildTag, err))
	}
	url := hub.RepoURL(s.buildTag, repo.ID, arch) + "/repodata/repomd.xml"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return badInput(fmt.Errorf("--topurl: %w", err))
	}
	client, err := s.config.repoClient()
	if err != nil {
		return err
	}
	client.Timeout = 10 * time.Second
	res, err := client.Do(req)
	if err != nil {
		return missing(fmt.Errorf("--topurl %s: %w", s.config.Koji.TopURL, err))
	}
	if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusOK {
		return badInput(fmt.Errorf("--topurl %s serves no repo: %s is %s", s.config.Koji.TopURL, url, res.Status))
	}
	return nil
}

// firstConfig is what is written: each key with what it is for.
var firstConfig = template.Must(template.New("koschei.yaml").Parse(`# Written by "koschei init". "koschei config" prints every key with its meaning.

database:
  # Empty: a private cluster in data_dir, for trying things.
  url: {{printf "%q" .Database.URL}}

koji:
  server: {{printf "%q" .Koji.Server}}
  topurl: {{printf "%q" .Koji.TopURL}}
  weburl: {{printf "%q" .Koji.WebURL}}
{{- with .Koji.CA}}
  ca: {{printf "%q" .}}
{{- end}}
  # none: everything is resolved and shown, nothing is built.
  login: {{.Koji.Login}}
{{- with .Koji.Certificate}}
  certificate: {{printf "%q" .}}
{{- end}}
{{- with .Koji.Principal}}
  principal: {{printf "%q" .}}
{{- end}}
{{- with .Koji.Keytab}}
  keytab: {{printf "%q" .}}
{{- end}}
{{- with .Koji.User}}
  user: {{printf "%q" .}}
{{- end}}
{{- with .Koji.PasswordFile}}
  password_file: {{printf "%q" .}}
{{- end}}
  # Those of the build tag.
  build_arches: [{{range $i, $arch := .Koji.BuildArches}}{{if $i}}, {{end}}{{$arch}}{{end}}]
  # Scratch builds at once. Begin low, and see what the hub says.
  max_builds: 2

frontend:
  # A proxy with TLS belongs in front, on this machine unless said otherwise.
  listen: 127.0.0.1:8080
  trusted_proxies: [127.0.0.1]
  # Not with the pages: a proxy would show them to everybody.
  metrics_listen: 127.0.0.1:9100
`))

// write leaves the file alone if it has come to be meanwhile.
func (s *setup) write() error {
	var text strings.Builder
	if err := firstConfig.Execute(&text, s.config); err != nil {
		return err
	}
	f, err := os.OpenFile(s.file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return badInput(err)
	}
	_, err = f.WriteString(text.String())
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s is written.\n", s.file)
	return err
}
