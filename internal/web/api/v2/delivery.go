package v2

import (
	"net/http"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/view"
	"github.com/koschei-ci/koschei/internal/web"
)

// A Delivery is an event on its way out, and how that goes.
type Delivery struct {
	ID         int64             `json:"id"`
	Sink       string            `json:"sink"`
	State      string            `json:"state" doc:"sent, waiting, held or given up"`
	MessageID  string            `json:"message_id"`
	Event      int64             `json:"event"`
	Kind       koschei.EventKind `json:"kind"`
	Collection string            `json:"collection"`
	Package    string            `json:"package,omitempty"`
	Before     string            `json:"before"`
	After      string            `json:"after"`
	Attempts   int               `json:"attempts"`
	Created    time.Time         `json:"created"`
	Due        time.Time         `json:"due,omitzero" doc:"when it is tried next"`
	Sent       time.Time         `json:"sent,omitzero"`
	Error      string            `json:"error" doc:"of the last attempt"`
}

// DeliveriesOf is deliveries as API and command line show them.
func DeliveriesOf(all []view.Delivery) []Delivery {
	return each(all, func(d *view.Delivery) Delivery {
		e := &d.Event
		told := Delivery{
			ID: d.ID, Sink: d.Sink, State: d.State(), MessageID: d.MessageID, Event: e.ID, Kind: e.Kind, Collection: e.Collection, Package: e.Package,
			Before: e.Before, After: e.After, Attempts: d.Attempts, Created: d.Created, Sent: d.Sent, Error: d.Error,
		}
		if d.Sent.IsZero() && !d.Dead {
			told.Due = d.Due
		}
		return told
	})
}

type deliveriesAsked struct {
	Sink  string `query:"sink"`
	Dead  bool   `query:"dead" doc:"only those that were given up"`
	Limit int    `query:"limit" default:"50" min:"1" max:"1000"`
}

type deliveryNamed struct {
	ID int64 `path:"id" min:"1"`
}

type sinkNamed struct {
	Name string `path:"name"`
}

type collectionNamed struct {
	Collection string `path:"collection"`
}

// addOperators adds what operators do besides collections.
func (a *API) addOperators() {
	add(a, http.MethodGet, "/deliveries", "What others were told or are to be, the newest first", func(r *web.Request, in *deliveriesAsked) (ListOf[Delivery], error) {
		all, err := r.View.People.Deliveries(r.Context(), view.DeliveryFilter{Sink: in.Sink, Dead: in.Dead, Limit: in.Limit})
		return ListOf[Delivery]{Items: DeliveriesOf(all)}, err
	}, admins, fresh)
	add(a, http.MethodPost, "/deliveries/{id}/resend", "Send a delivery again", doing(func(r *web.Request, as audit.Act, in *deliveryNamed) ([]string, error) {
		return r.Edit.Resend(r.Context(), as, []int64{in.ID})
	}), admins)
	add(a, http.MethodPost, "/sinks/{name}/resend", "Send again all that a sink has given up", doing(func(r *web.Request, as audit.Act, in *sinkNamed) ([]string, error) {
		return r.Edit.ResendDead(r.Context(), as, in.Name)
	}), admins)
	add(a, http.MethodDelete, "/sinks/{name}", "Forget a sink with all it was to deliver", doing(func(r *web.Request, as audit.Act, in *sinkNamed) ([]string, error) {
		return r.Edit.ForgetSink(r.Context(), as, in.Name)
	}), admins)
	add(a, http.MethodPost, "/collections/{collection}/accept", "Believe what Koji says of so many packages at once", doing(func(r *web.Request, as audit.Act, in *collectionNamed) ([]string, error) {
		return r.Edit.AcceptNews(r.Context(), as, in.Collection)
	}), admins)
	add(a, http.MethodPost, "/retry-pinning", "Let builds ask for the repos of their verdicts again", doing(func(r *web.Request, as audit.Act, _ *nothing) ([]string, error) {
		return r.Edit.RetryPinning(r.Context(), as)
	}), admins)
}
