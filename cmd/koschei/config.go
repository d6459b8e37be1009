package main

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/bus/amqp"
	"github.com/koschei-ci/koschei/internal/kojisync"
	"github.com/koschei-ci/koschei/internal/notifier"
)

// A config is everything that can be configured. Every field has a usable zero
// or default value; its doc tag is what "koschei config" prints above it, its
// range tag the least and the greatest number allowed, its file tag says that it
// names a file.
type config struct {
	DataDir      string           `yaml:"data_dir" doc:"Home of the private PostgreSQL cluster and of the repo cache."`
	Database     databaseConfig   `yaml:"database"`
	Koji         kojiConfig       `yaml:"koji" doc:"The Koji system that builds."`
	Secondary    secondaryConfig  `yaml:"secondary_koji" doc:"The Koji system that collections in secondary mode are read from; without server there is none."`
	Bus          busConfig        `yaml:"bus" doc:"The hub's message bus, an AMQP broker as fedora-messaging uses it. Without a URL nobody listens, and polling hears everything later."`
	Dependency   dependencyConfig `yaml:"dependency"`
	Priorities   prioritiesConfig `yaml:"priorities" doc:"Constants of the priority formula; see docs/services/scheduler.md."`
	Polling      pollingConfig    `yaml:"polling"`
	Scheduler    loopConfig       `yaml:"scheduler"`
	RepoResolver loopConfig       `yaml:"repo_resolver"`
	Builds       buildsConfig     `yaml:"build_resolver"`
	LogReader    loopConfig       `yaml:"log_reader"`
	Notifier     notifierConfig   `yaml:"notifier" doc:"Tells others what happened. Without a receiver it is not run."`
	Owners       ownersConfig     `yaml:"owners" doc:"Whose packages are whose, for subscriptions, and groups that follow lists. Without url and groups it is not run."`
	SelfCheck    loopConfig       `yaml:"self_check" doc:"One of the processes with services looks for what is stuck, and repairs it where it can."`
	Frontend     frontendConfig   `yaml:"frontend"`
	Backend      backendConfig    `yaml:"backend" doc:"For processes that run one service."`
	Clock        clockConfig      `yaml:"clock" doc:"Only for a simulated hub whose time runs otherwise than ours: the same for all processes."`
	Log          logConfig        `yaml:"log"`
}

type databaseConfig struct {
	URL          string        `yaml:"url" doc:"postgres:// address. Without one a private cluster in data_dir is used."`
	PasswordFile string        `yaml:"password_file" file:"yes" doc:"File that holds the password, so that url need not. It is read at the start."`
	Connections  int           `yaml:"connections" range:"2 1000" doc:"Connections that the services of a process may have to the database. Pages have others, see frontend.connections."`
	Lease        time.Duration `yaml:"lease" range:"1s 1h" doc:"What one process at a time does another one takes over after this, if the first has died."`
}

type kojiConfig struct {
	Server        string        `yaml:"server" doc:"Address of the hub's XML-RPC interface."`
	TopURL        string        `yaml:"topurl" doc:"Address below which repos and logs are served."`
	WebURL        string        `yaml:"weburl" doc:"Address of Koji's web pages, for links."`
	Login         string        `yaml:"login" doc:"How to log in: none, ssl, kerberos or password. Without login nothing is built."`
	User          string        `yaml:"user" doc:"User for login password."`
	PasswordFile  string        `yaml:"password_file" file:"yes" doc:"File that holds the password for login password."`
	Certificate   string        `yaml:"certificate" file:"yes" doc:"PEM file with client certificate and key for login ssl."`
	CA            string        `yaml:"ca" file:"yes" doc:"PEM file with the certificate authorities of the hub and of the repos below topurl; empty for the system's."`
	Renegotiate   bool          `yaml:"renegotiate" doc:"For hubs that ask for the certificate only below /ssllogin: TLS 1.2, renegotiated once."`
	Principal     string        `yaml:"principal" doc:"Kerberos principal, user@REALM, for login kerberos."`
	Keytab        string        `yaml:"keytab" file:"yes" doc:"Keytab for login kerberos; without one the credential cache is used."`
	CCache        string        `yaml:"ccache" file:"yes" doc:"Credential cache for login kerberos without a keytab."`
	Krb5Conf      string        `yaml:"krb5_conf" file:"yes" doc:"Kerberos configuration for login kerberos."`
	CallLimit     time.Duration `yaml:"call_limit" range:"1s 1h" doc:"The longest time a call to the hub may take. A submission that is not found there after twice that is given up."`
	BuildArches   []string      `yaml:"build_arches" doc:"Architectures scratch builds are made for."`
	MaxBuilds     int           `yaml:"max_builds" range:"0 100000" doc:"Scratch builds running at once, over all collections."`
	TaskPriority  int           `yaml:"task_priority" range:"-1000 1000" doc:"Added to Koji's default priority of a task; higher is less urgent."`
	TaskTimeout   time.Duration `yaml:"task_timeout" range:"1s 8760h" doc:"A build older than this is canceled and kept as timed out."`
	LoadThreshold float64       `yaml:"load_threshold" range:"0 1" doc:"No build is submitted while the hosts for its architectures are loaded more than this; 1 turns the check off."`
}

type secondaryConfig struct {
	Server   string `yaml:"server" doc:"Address of the hub's XML-RPC interface. It is only read from, without login."`
	TopURL   string `yaml:"topurl" doc:"Address below which repos and logs are served."`
	WebURL   string `yaml:"weburl" doc:"Address of Koji's web pages, for links."`
	CA       string `yaml:"ca" file:"yes" doc:"PEM file with the certificate authorities of the hub and of its repos; empty for the system's."`
	RepoURL  string `yaml:"repo_url" doc:"Address of a repo for the builders of the Koji system that builds, with {build_tag}, {repo_id} and {arch}; empty for the place below topurl."`
	Packages string `yaml:"packages" doc:"Where those builders find the directory packages, relative to the directory work of the Koji system that builds."`
}

type busConfig struct {
	URL          string `yaml:"url" doc:"amqps:// address of the broker, or amqp:// with user and password."`
	CA           string `yaml:"ca" file:"yes" doc:"PEM file with the certificate authorities of the broker; empty for the system's."`
	Certificate  string `yaml:"certificate" file:"yes" doc:"PEM file with the certificate to log in with, by SASL EXTERNAL."`
	Key          string `yaml:"key" file:"yes" doc:"PEM file with the certificate's key."`
	Exchange     string `yaml:"exchange" doc:"Topic exchange to which messages are published."`
	Queue        string `yaml:"queue" doc:"Name of our durable queue, the same for all replicas of the watcher."`
	PassiveQueue bool   `yaml:"passive_queue" doc:"The queue and its bindings are made by the broker's operators; it is only consumed."`
	TopicPrefix  string `yaml:"topic_prefix" doc:"What the topics of the hub's messages begin with, before .buildsys."`
	Instance     string `yaml:"instance" doc:"The hub's name in its messages; those of others are ignored."`
	Prefetch     int    `yaml:"prefetch" range:"1 65535" doc:"Messages taken at once, and answered together."`
}

type dependencyConfig struct {
	Arch          string   `yaml:"arch" doc:"Architecture whose repos are resolved."`
	RepoCache     int64    `yaml:"repo_cache" range:"1 100000000" doc:"Megabytes of repo metadata kept on disk."`
	RepoMemory    int      `yaml:"repo_memory" range:"0 10000" doc:"Repos kept in memory, some 30 MiB each for 60,000 packages. Builds of a collection are made in its newest repos: fewer than three for each collection are loaded again and again."`
	RedirectHosts []string `yaml:"redirect_hosts" doc:"Hosts that the servers of repos may redirect to, besides themselves; * for any. Never from https to http."`
	Goroutines    int      `yaml:"goroutines" range:"0 1024" doc:"Solvers at work at once; 0 is one for each core."`
}

type prioritiesConfig struct {
	BuildThreshold float64       `yaml:"build_threshold" range:"1 1000000000" doc:"A package is built from this priority on."`
	PackageUpdate  float64       `yaml:"package_update" range:"0 1000000000" doc:"A changed dependency, divided by its distance."`
	FailedBuild    int           `yaml:"failed_build_priority" range:"-1000000000 1000000000" doc:"The first failure after a success."`
	UnresolvedLast int           `yaml:"newly_added" range:"-1000000000 1000000000" doc:"A last build that could not have worked: its build dependencies could not be installed from the repo it was made in. The key is older than its meaning and has nothing to do with new packages."`
	T0             time.Duration `yaml:"t0" range:"1m 87600h" doc:"Age of the last build at which time priority is 0."`
	T1             time.Duration `yaml:"t1" range:"1m 87600h" doc:"Age at which time alone reaches the threshold."`
}

type loopConfig struct {
	Interval time.Duration `yaml:"interval" range:"1ms 8760h" doc:"Time between passes."`
}

type pollingConfig struct {
	Interval       time.Duration `yaml:"interval" range:"1ms 8760h" doc:"Time between passes."`
	BuildsInterval time.Duration `yaml:"builds_interval" range:"1ms 8760h" doc:"Time between two looks at running builds. Without a message bus nobody hears earlier that one has ended."`
	FullInterval   time.Duration `yaml:"full_interval" range:"1ms 8760h" doc:"How often everything in a tag is asked for instead of what has changed."`
}

type buildsConfig struct {
	Interval    time.Duration `yaml:"interval" range:"1ms 8760h" doc:"Time between passes."`
	RemakeRepos time.Duration `yaml:"remake_repos" range:"0s 87600h" doc:"A repo that Koji has deleted is asked for again if it is not older than this and matters; 0 turns that off."`
}

type frontendConfig struct {
	Listen          string        `yaml:"listen" doc:"Address pages are served on."`
	Connections     int           `yaml:"connections" range:"1 1000" doc:"Connections that the pages of a process may have to the database."`
	ClientRequests  int           `yaml:"client_requests" range:"0 100000" doc:"Requests of one client that are answered at once; a client is an address, or a network of 64 bits of IPv6. 0 is no limit."`
	ClientRate      int           `yaml:"client_rate" range:"0 1000000" doc:"Requests of one client in a minute; 0 is no limit."`
	UserRate        int           `yaml:"user_rate" range:"0 1000000" doc:"Changes that one user may make in a minute on average, on pages and by the API, all of them at once; 0 is no limit."`
	TrustedProxies  []string      `yaml:"trusted_proxies" doc:"Addresses, or networks as 10.0.0.0/8, of proxies that say in X-Forwarded-For for whom they ask."`
	MetricsListen   string        `yaml:"metrics_listen" doc:"Address /metrics, /livez and /readyz are served on, away from the pages; empty serves /metrics with the pages."`
	Linger          time.Duration `yaml:"linger" range:"0s 10m" doc:"How long pages are still served after the process was told to end. /readyz fails at once, so that proxies can find other replicas."`
	PackagesPerPage int           `yaml:"packages_per_page" range:"1 10000" doc:"Rows on a page of packages."`
	BuildsPerPage   int           `yaml:"builds_per_page" range:"1 10000" doc:"Builds on the page of a package."`
	Frontpage       string        `yaml:"frontpage" doc:"What / shows: overview or packages."`
	Bugzilla        string        `yaml:"bugzilla" doc:"Address of the Bugzilla that bugs are reported to, of collections with a product and a version there; empty for none."`

	URL   string      `yaml:"url" doc:"Address people reach the pages at, as https://koschei.example.org. It is needed for login with oidc and for links in letters; with https cookies are never sent without it."`
	Login loginConfig `yaml:"login" doc:"How people sign in."`

	Policy policyConfig `yaml:"policy" doc:"Who may do what on pages and by the API: users are all who have signed in, maintainers those of a global group with the package. Administrators may do all of it."`
}

type backendConfig struct {
	Listen string `yaml:"listen" doc:"Address that a process with one service serves /livez, /readyz and /metrics on; empty for none."`
}

// site is the address that people reach the pages at.
func (f *frontendConfig) site() (*url.URL, error) {
	u, err := url.Parse(f.URL)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.User != nil {
		return nil, fmt.Errorf("frontend.url: %q must be an address such as https://koschei.example.org", f.URL)
	}
	return u, nil
}

type clockConfig struct {
	Start time.Time `yaml:"start" doc:"Domain time at epoch; zero is real time."`
	Epoch time.Time `yaml:"epoch" doc:"Real time at which the domain clock stood at start."`
	Speed float64   `yaml:"speed" range:"0 1000000" doc:"Domain seconds in a real second."`
}

type logConfig struct {
	Level  string `yaml:"level" doc:"debug, info, warn or error."`
	Format string `yaml:"format" doc:"text or json."`
}

func defaultConfig() config {
	p := koschei.DefaultPriorityRules()
	return config{
		DataDir:  defaultDataDir(),
		Database: databaseConfig{Connections: 12, Lease: 30 * time.Second},
		Koji: kojiConfig{
			Login:         "none",
			Krb5Conf:      "/etc/krb5.conf",
			CallLimit:     5 * time.Minute,
			BuildArches:   []string{"i386", "x86_64", "armhfp"},
			MaxBuilds:     30,
			TaskPriority:  30,
			TaskTimeout:   48 * time.Hour,
			LoadThreshold: 0.5,
		},
		Secondary: secondaryConfig{Packages: "../packages"},
		Bus: busConfig{
			Exchange:    amqp.DefaultExchange,
			TopicPrefix: "org.fedoraproject.prod",
			Instance:    "primary",
			Prefetch:    1000,
		},
		Dependency: dependencyConfig{Arch: "x86_64", RepoCache: 4096, RepoMemory: 6, RedirectHosts: []string{}},
		Priorities: prioritiesConfig{
			BuildThreshold: p.BuildThreshold,
			PackageUpdate:  p.PackageUpdate,
			FailedBuild:    p.FailedBuild,
			UnresolvedLast: p.UnresolvedLast,
			T0:             p.T0,
			T1:             p.T1,
		},
		Polling:      pollingConfig{Interval: 20 * time.Minute, BuildsInterval: 2 * time.Minute, FullInterval: kojisync.DefaultFull},
		Scheduler:    loopConfig{3 * time.Second},
		RepoResolver: loopConfig{3 * time.Second},
		Builds:       buildsConfig{Interval: 3 * time.Second, RemakeRepos: 14 * 24 * time.Hour},
		LogReader:    loopConfig{time.Minute},
		Notifier: notifierConfig{
			Interval: 15 * time.Second, Quiet: 30 * time.Minute, Webhooks: []webhookConfig{},
			Mail:  mailConfig{Security: notifier.StartTLS, Gather: notifier.DefaultGather},
			Bus:   publishConfig{TopicPrefix: "org.fedoraproject.prod", Instance: "primary"},
			Hooks: hooksConfig{Allow: []string{}},
			CI:    ciConfig{Namespace: "koschei", Groups: map[string]string{}},
			Results: resultsConfig{
				TestCase: "koschei.build", Collections: []string{},
				Outcomes: map[string]string{"ok": "PASSED", "failing": "FAILED", "unresolved": "NEEDS_INSPECTION"},
			},
			Bugzilla: bugzillaConfig{
				States: []string{string(koschei.StateFailing)}, After: 72 * time.Hour, Failures: 2, PerHour: 3, PerDay: 10,
				Collections: []string{}, Trackers: map[string]string{}, Fields: map[string]string{},
			},
		},
		Owners:    ownersConfig{Kind: ownersList, Interval: time.Hour, Groups: []ownedGroupConfig{}},
		SelfCheck: loopConfig{10 * time.Minute},
		Frontend:  frontendConfig{Listen: "127.0.0.1:8080", Connections: 6, UserRate: 120, TrustedProxies: []string{}, PackagesPerPage: 100, BuildsPerPage: 15, Frontpage: "overview", Login: defaultLogin(), Policy: policyOf(koschei.DefaultPolicy())},
		Log:       logConfig{Level: "info", Format: "text"},
	}
}

func (p prioritiesConfig) rules() koschei.PriorityRules {
	return koschei.PriorityRules{
		BuildThreshold: p.BuildThreshold,
		PackageUpdate:  p.PackageUpdate,
		FailedBuild:    p.FailedBuild,
		UnresolvedLast: p.UnresolvedLast,
		T0:             p.T0,
		T1:             p.T1,
	}
}

// defaultDataDir is the user's state directory as the XDG specification has it.
func defaultDataDir() string {
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "koschei")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "state", "koschei")
	}
	return "/var/lib/koschei"
}

// overlayEnviron applies KOSCHEI_<SECTION>_<KEY>=value, and KOSCHEI_DATA_DIR;
// what is no text is written as in YAML. Names that fit no key are passed over:
// Kubernetes sets some, KOSCHEI_FRONTEND_PORT for a service koschei-frontend.
func overlayEnviron(c *config, environ []string) error {
	keys := map[string]reflect.Value{}
	environKeys(keys, "KOSCHEI", reflect.ValueOf(c).Elem())
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		field, known := keys[name]
		if !known {
			continue
		}
		if field.Kind() == reflect.String {
			field.SetString(value)
			continue
		}
		if err := yaml.Unmarshal([]byte(value), field.Addr().Interface()); err != nil {
			return fmt.Errorf("environment variable %s: %q is no %s", name, value, field.Type())
		}
	}
	return nil
}

// environKeys collects the fields of v by their names in the environment.
func environKeys(keys map[string]reflect.Value, prefix string, v reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := prefix + "_" + strings.ToUpper(f.Tag.Get("yaml"))
		if f.Type.Kind() == reflect.Struct && f.Type != reflect.TypeFor[time.Time]() {
			environKeys(keys, name, v.Field(i))
			continue
		}
		keys[name] = v.Field(i)
	}
}

func newConfigCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "config",
		Short:   "Print the whole configuration with its comments",
		Long:    "Prints the configuration in force as YAML, with a comment for every key.\nWhat it prints can be used as a configuration file.",
		Example: "  koschei config > koschei.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := g.config()
			if err != nil {
				return err
			}
			hidePasswords(&c)
			return printConfig(cmd.OutOrStdout(), c)
		},
	}
}

// printConfig writes c with each field's doc tag as a comment above it.
func printConfig(w io.Writer, c config) error {
	var doc yaml.Node
	if err := doc.Encode(c); err != nil {
		return err
	}
	comment(&doc, reflect.TypeFor[config]())
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return err
	}
	return enc.Close()
}

// comment puts the doc tags of t's fields above the keys of the mapping n.
func comment(n *yaml.Node, t reflect.Type) {
	fields := map[string]reflect.StructField{}
	for i := range t.NumField() {
		fields[t.Field(i).Tag.Get("yaml")] = t.Field(i)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		f, ok := fields[key.Value]
		if !ok {
			continue
		}
		key.HeadComment = f.Tag.Get("doc")
		if value.Kind == yaml.MappingNode && f.Type.Kind() == reflect.Struct {
			comment(value, f.Type)
		}
	}
}
