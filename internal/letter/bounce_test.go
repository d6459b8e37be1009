package letter_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/koschei-ci/koschei/internal/letter"
)

// report is what a mail server sends back.
func report(action, status, rest string) string {
	return strings.ReplaceAll(`From: MAILER-DAEMON@mx.example.org
To: koschei-bounces@example.org
Auto-Submitted: auto-replied
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you.

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org
Arrival-Date: Mon, 23 Nov 2026 12:00:00 +0000

Final-Recipient: rfc822; alice@example.org
Action: `+action+`
Status: `+status+`
Diagnostic-Code: smtp; 550 5.1.1 <alice@example.org>: no such
    user here

--b1
`+rest+`
--b1--
`, "\n", "\r\n")
}

const returned = `Content-Type: message/rfc822

Message-ID: <0b7e5d52-4ad4-4a1c-9f3a-6f0d37a6d1f2@koschei.example.org>
Subject: [koschei] f99 teapot: failing

It no longer builds.
`

func TestReadBounce(t *testing.T) {
	t.Parallel()
	headers := "Content-Type: text/rfc822-headers\n\nSubject: x\nMessage-ID: <0b7e5d52-4ad4-4a1c-9f3a-6f0d37a6d1f2@koschei.example.org>\n"
	for name, message := range map[string]string{
		"whole letter": report("failed", "5.1.1", returned), "headers": report("failed", "5.1.1", headers), "case": report("FAILED", "5.1.1", returned),
	} {
		b, err := letter.ReadBounce(strings.NewReader(message))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := letter.Bounce{MessageID: "0b7e5d52-4ad4-4a1c-9f3a-6f0d37a6d1f2", Reason: "550 5.1.1 <alice@example.org>: no such user here"}
		if *b != want {
			t.Errorf("%s: got %+v, want %+v", name, *b, want)
		}
	}
	for name, message := range map[string]string{
		"warning": report("delayed", "4.4.1", returned), "delivered": report("delivered", "2.0.0", returned), "not ours to know": report("failed", "5.1.1", "Content-Type: text/plain\n\nnothing\n"),
		"for now": report("failed", "4.2.2", returned), "absent": "From: alice@example.org\r\nSubject: I am away\r\n\r\nuntil Monday\r\n",
	} {
		if b, err := letter.ReadBounce(strings.NewReader(message)); !errors.Is(err, letter.ErrNoBounce) {
			t.Errorf("%s: got %+v, %v", name, b, err)
		}
	}
	for name, message := range map[string]string{"nothing": "", "no message": "\x00\x01", "cut": report("failed", "5.1.1", returned)[:500]} {
		if b, err := letter.ReadBounce(strings.NewReader(message)); err == nil || errors.Is(err, letter.ErrNoBounce) && name != "cut" {
			t.Errorf("%s: got %+v, %v", name, b, err)
		}
	}
}
