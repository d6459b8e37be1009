package letter

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"regexp"
	"strings"
)

// A Bounce says that a letter did not arrive, and will not.
type Bounce struct {
	MessageID string // of the letter, without the host
	Reason    string // in the words of the server that gave up
}

// ErrNoBounce is wrapped by errors of reading a message that does not say that a
// letter was given up: an answer of somebody's program, or a warning that it takes
// long.
var ErrNoBounce = errors.New("it does not say that a letter of ours was given up")

// mostBounce bounds what is read of a message.
const mostBounce = 10 << 20

// uuid is what all message ids of letters are.
var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// ReadBounce reads a message that came back, a report as RFC 3464 has it.
func ReadBounce(r io.Reader) (*Bounce, error) {
	m, err := mail.ReadMessage(io.LimitReader(r, mostBounce))
	if err != nil {
		return nil, fmt.Errorf("it is no message: %w", err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || params["report-type"] != "delivery-status" {
		return nil, ErrNoBounce
	}
	b := &Bounce{}
	for parts := multipart.NewReader(m.Body, params["boundary"]); ; {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("the report cannot be read: %w", err)
		}
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil {
			continue // a part that says nothing to us
		}
		switch kind {
		case "message/delivery-status", "message/global-delivery-status":
			b.Reason = failure(part)
		case "message/rfc822", "text/rfc822-headers", "message/global-headers":
			b.MessageID = idOf(part)
		}
	}
	if b.Reason == "" || !uuid.MatchString(b.MessageID) {
		return nil, ErrNoBounce
	}
	return b, nil
}

// failure is why a letter was given up, "" if it was not.
func failure(r io.Reader) string {
	fields := textproto.NewReader(bufio.NewReader(r))
	for {
		h, err := fields.ReadMIMEHeader() // about the message, then about each recipient
		if action := h.Get("Action"); strings.EqualFold(strings.TrimSpace(action), "failed") && strings.HasPrefix(h.Get("Status"), "5") {
			_, words, typed := strings.Cut(h.Get("Diagnostic-Code"), ";")
			if !typed {
				words = "status " + h.Get("Status")
			}
			return shorten(strings.ToValidUTF8(strings.TrimSpace(words), "?"), 500)
		}
		if err != nil {
			return ""
		}
	}
}

// idOf is what comes before the host in the Message-ID of a letter, or of its
// headers.
func idOf(r io.Reader) string {
	h, err := textproto.NewReader(bufio.NewReader(r)).ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		return ""
	}
	local, _, _ := strings.Cut(strings.Trim(strings.TrimSpace(h.Get("Message-Id")), "<>"), "@")
	return local
}
