package schema

import "github.com/koschei-ci/koschei"

// SubscriptionColumns are those of koschei.Subscription, of a table called s whose
// user is u.
const SubscriptionColumns = `s.id, u.name, s.sink, s.scope, s.name, s.collection, s.tell, s.pace, s.together, s.token`

// SubscriptionFields are where SubscriptionColumns are scanned to.
func SubscriptionFields(s *koschei.Subscription) []any {
	return []any{&s.ID, &s.User, &s.Sink, &s.Scope, &s.Name, &s.Collection, &s.Tell, &s.Pace, &s.Together, &s.Token}
}
