package notifier

import (
	"encoding/json"
	"fmt"

	"github.com/koschei-ci/koschei"
)

// A Message is an event as the message bus has it. The topic is without its
// prefix.
type Message struct {
	Topic string
	Body  json.RawMessage
}

// The topics that Koschei has always had.
const (
	TopicPackageState    = "package.state.change"
	TopicCollectionState = "collection.state.change"
)

// MessageOf returns what the bus is told of an event; nil if that is nothing.
// where is what the record says of the place of the event now.
func MessageOf(e *koschei.Event, where *koschei.EventPlace) (*Message, error) {
	var topic string
	var body any
	switch {
	case !Announced(e):
		return nil, nil
	case e.Kind == koschei.EventPackageState:
		topic, body = TopicPackageState, packageState{
			Name: e.Package, Old: koschei.State(e.Before).Message(), New: koschei.State(e.After).Message(),
			Repo: e.Collection, Collection: e.Collection, CollectionName: where.DisplayName,
			Groups: append([]string{}, where.Groups...), // an empty list, not null
		}
	default:
		topic, body = TopicCollectionState, collectionState{
			Old: koschei.State(e.Before), New: koschei.State(e.After),
			Collection: e.Collection, CollectionName: where.DisplayName, RepoID: fmt.Sprint(e.RepoID),
		}
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("wording event %d: %w", e.ID, err)
	}
	return &Message{Topic: topic, Body: text}, nil
}

// Announced says whether the bus is told of an event: people outside know fewer
// states of packages than there are.
func Announced(e *koschei.Event) bool {
	switch e.Kind {
	case koschei.EventPackageState:
		return koschei.State(e.Before).Message() != koschei.State(e.After).Message()
	case koschei.EventCollectionState:
		return true
	default:
		return false
	}
}

// packageState and collectionState are the bodies, as their published schemas
// have them.
type (
	packageState struct {
		Name           string        `json:"name"`
		Old            koschei.State `json:"old"`
		New            koschei.State `json:"new"`
		Repo           string        `json:"repo"`
		Collection     string        `json:"collection"`
		CollectionName string        `json:"collection_name"`
		Groups         []string      `json:"groups"`
	}
	collectionState struct {
		Old            koschei.State `json:"old"`
		New            koschei.State `json:"new"`
		Collection     string        `json:"collection"`
		CollectionName string        `json:"collection_name"`
		RepoID         string        `json:"repo_id"`
	}
)
