package koschei

import (
	"fmt"
	"slices"
	"strings"
)

// A TokenScope is what a token may be used for. A token gives no right that its user has
// not got. Without TokenAdmin, an administrator's token does only what any user may.
type TokenScope string

// The scopes.
const (
	TokenRead     TokenScope = "read"     // what takes a login to read
	TokenPackages TokenScope = "packages" // changes of packages and builds
	TokenGroups   TokenScope = "groups"   // changes of groups
	TokenFollow   TokenScope = "follow"   // subscriptions
	TokenAdmin    TokenScope = "admin"    // what administrators do, and tokens
)

// TokenScopes are all there are.
func TokenScopes() []TokenScope {
	return []TokenScope{TokenRead, TokenPackages, TokenGroups, TokenFollow, TokenAdmin}
}

// ValidateTokenScopes says what is wrong with the scopes of a token.
func ValidateTokenScopes(scopes []TokenScope) error {
	if len(scopes) == 0 {
		return fmt.Errorf("a token needs at least one scope: %w", ErrInvalid)
	}
	for i, s := range scopes {
		switch {
		case !slices.Contains(TokenScopes(), s):
			var all []string
			for _, known := range TokenScopes() {
				all = append(all, string(known))
			}
			return fmt.Errorf("there is no scope %q, only %s: %w", s, strings.Join(all, ", "), ErrInvalid)
		case slices.Contains(scopes[:i], s):
			return fmt.Errorf("scope %s is there twice: %w", s, ErrInvalid)
		}
	}
	return nil
}
