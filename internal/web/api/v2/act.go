package v2

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/record/audit"
	"github.com/koschei-ci/koschei/internal/web"
)

// A Changed says what a request has changed.
type Changed struct {
	Changes []string `json:"changes" doc:"a sentence for each change; none if it was so already"`
}

func changed(changes []string, err error) (Changed, error) {
	return Changed{append([]string{}, changes...)}, err
}

// keyHeader names a request, so that it is done once however often it is sent.
const keyHeader = "Idempotency-Key"

// act is what the sender of a request does. What is asked is part of the key, so that
// one key cannot stand for two requests.
func act(r *web.Request, asked any) (audit.Act, error) {
	done := r.Act()
	key := r.Header.Get(keyHeader)
	if key == "" || r.Method != http.MethodPost {
		return done, nil
	}
	if len(key) > 200 || !printable(key) {
		return done, fmt.Errorf("the header %s must have from 1 to 200 printable characters of ASCII: %w", keyHeader, koschei.ErrInvalid)
	}
	asking, err := json.Marshal(asked)
	if err != nil {
		return done, err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s", r.URL.EscapedPath(), asking))
	done.Once = audit.Once{Key: key, Request: sum[:]}
	return done, nil
}

func printable(text string) bool {
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// doing makes an operation out of what the sender of a request does.
func doing[In any](do func(*web.Request, audit.Act, *In) ([]string, error)) func(*web.Request, *In) (Changed, error) {
	return func(r *web.Request, in *In) (Changed, error) {
		as, err := act(r, in)
		if err != nil {
			return Changed{}, err
		}
		return changed(do(r, as, in))
	}
}
