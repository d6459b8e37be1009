package v2

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/bugreport"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
)

// prefix is what all addresses of the API begin with.
const prefix = "/api/v2"

// An API is all operations.
type API struct {
	Config
	operations []operation

	status  web.Memo[*view.Status]
	numbers web.Memo[Statistics]
}

// A Config is what the API needs besides what requests bring along.
type Config struct {
	Rules  koschei.PriorityRules
	SignIn bool // whether anybody can sign in; without it nothing can be changed

	// Report words a report of a bug about a package that is broken. The error wraps
	// koschei.ErrNotFound if there is nothing to report.
	Report func(r *web.Request, name string, c *view.FrameCollection) (*bugreport.Report, error)
	// Bugzilla is where bugs are reported, "" for nowhere.
	Bugzilla string
}

// An operation is a route with what is told of it.
type operation struct {
	web.Route
	summary string
	in, out reflect.Type
	created bool // the answer is about something new
	lines   bool // the answer is one value of type out a line, without end
}

// An option says how an operation differs from one that anybody may read.
type option func(*operation)

// signedIn is an operation for those who have signed in, or have a token of a scope.
func signedIn(scope koschei.TokenScope) option {
	return func(o *operation) { o.Access, o.Scope = web.SignedIn, scope }
}

// admins is an operation for administrators.
func admins(o *operation) { o.Access, o.Scope = web.Admins, koschei.TokenAdmin }

// creates is an operation that makes something.
func creates(o *operation) { o.created = true }

// fresh is an operation whose answer depends on more than the record.
func fresh(o *operation) { o.Kept = "" }

// add adds an operation. In has the fields that input reads.
func add[In, Out any](a *API, method, pattern, summary string, do func(*web.Request, *In) (Out, error), options ...option) {
	o := newOperation(method, pattern, summary, options)
	o.in, o.out = reflect.TypeFor[In](), reflect.TypeFor[Out]()
	created := o.created
	o.Handler = func(r *web.Request) (web.Answer, error) {
		var in In
		if err := read(r, &in); err != nil {
			return web.Answer{}, err
		}
		out, err := do(r, &in)
		if err != nil {
			return web.Answer{}, err
		}
		body, err := json.Marshal(out)
		answer := web.Answer{Type: "application/json", Body: append(body, '\n')}
		if created {
			answer.Status = http.StatusCreated
		}
		return answer, err
	}
	a.operations = append(a.operations, o)
}

func newOperation(method, pattern, summary string, options []option) operation {
	o := operation{
		Route: web.Route{
			Method: method, Pattern: prefix + pattern, Access: web.Public, Errors: web.Problem, Frame: true, Kept: web.UntilChanged,
			Label: "api v2 " + strings.ToLower(method) + strings.NewReplacer("/", " ", "{", "", "}", "").Replace(pattern),
		},
		summary: summary,
	}
	if method != http.MethodGet {
		o.CSRF, o.Kept = web.SameOrigin, ""
	}
	for _, option := range options {
		option(&o)
	}
	return o
}

// New returns the API.
func New(c Config) *API {
	a := &API{Config: c, status: web.Memo[*view.Status]{Lasts: statusLasts}, numbers: web.Memo[Statistics]{Lasts: numbersLast}}
	a.addCollections()
	a.addPackages()
	a.addBuilds()
	a.addUpdates()
	a.addRepos()
	a.addUnmet()
	a.addGroups()
	a.addChanges()
	a.addExports()
	a.addStatus()
	if c.SignIn {
		a.addPackageActs()
		a.addGroupActs()
		a.addCollectionActs()
		a.addPeople()
		a.addOperators()
	}
	return a
}

// Routes are the addresses of the API.
func (a *API) Routes() ([]web.Route, error) {
	description, err := a.Describe()
	if err != nil {
		return nil, err
	}
	routes := []web.Route{{
		Method: http.MethodGet, Pattern: prefix + "/openapi.json", Access: web.Public, Errors: web.Problem, Label: "api v2 description",
		Handler: func(*web.Request) (web.Answer, error) {
			return web.Answer{Type: "application/json", Body: description}, nil
		},
	}}
	for _, o := range a.operations {
		routes = append(routes, o.Route)
	}
	return routes, nil
}
