package deliver

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/postgres"
	"github.com/koschei-ci/koschei/internal/rpm"
	"github.com/koschei-ci/koschei/internal/schema"
)

// Readers returns the ids of users for whom something is due by a sink.
func (dv *Deliveries) Readers(ctx context.Context, sink string) ([]int64, error) {
	ids, err := postgres.CollectIDs(dv.db.Query(ctx, `
		SELECT s.user_id
		FROM awaited a
		JOIN subscription s ON s.id = a.subscription_id
		WHERE s.sink = $1 AND a.due <= clock_timestamp()
		GROUP BY s.user_id
		ORDER BY min(a.due)`, sink))
	if err != nil {
		return nil, fmt.Errorf("looking for letters of sink %s to be written: %w", sink, err)
	}
	return ids, nil
}

// A Composer makes letters of what a user waits for. Of what is in untold nobody
// need be told any more; what is in neither waits on. lately is how many letters
// the user got in the last hour.
type Composer func(waiting []koschei.Awaited, lately int) (letters, untold []koschei.Draft)

// mostAwaited bounds what is read at once; the rest follows.
const mostAwaited = 20_000

// Compose turns what a user waits for by a sink into letters, which are delivered
// from then on. They leave one after the other.
func (dv *Deliveries) Compose(ctx context.Context, sink string, user int64, compose Composer) error {
	err := dv.db.Transact(ctx, func(tx pgx.Tx) error {
		var name string
		err := tx.QueryRow(ctx, `SELECT name FROM users WHERE id = $1 FOR NO KEY UPDATE`, user).Scan(&name)
		if err != nil {
			return postgres.NotFound(err, "user %d", user)
		}
		waiting, err := readAwaited(ctx, tx, sink, user)
		if err != nil {
			return err
		}
		var lately int
		err = tx.QueryRow(ctx, `
			SELECT count(*)
			FROM letter l
			JOIN delivery d ON d.id = l.delivery_id
			WHERE l.user_id = $1 AND d.sink = $2 AND d.created > clock_timestamp() - interval '1 hour'`, user, sink).Scan(&lately)
		if err != nil {
			return err
		}
		letters, untold := compose(waiting, lately)
		for i := range letters {
			if err := storeDraft(ctx, tx, sink, user, name, &letters[i]); err != nil {
				return err
			}
		}
		for _, d := range slices.Concat(letters, untold) {
			_, err := tx.Exec(ctx, `DELETE FROM awaited WHERE subscription_id = $1 AND event_id = ANY($2)`, d.Subscription, d.Events)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("writing letters of sink %s: %w", sink, err)
	}
	return nil
}

func readAwaited(ctx context.Context, tx pgx.Tx, sink string, user int64) ([]koschei.Awaited, error) {
	rows, err := tx.Query(ctx, `
		SELECT a.cause, a.due <= clock_timestamp(), EXISTS (
				SELECT
				FROM letter_event x
				JOIN letter l ON l.delivery_id = x.delivery_id
				JOIN delivery d ON d.id = l.delivery_id
				WHERE x.event_id = a.event_id AND l.user_id = s.user_id AND d.sink = s.sink),
			coalesce(last.message_id::text, ''), coalesce(last.thread, ''),
			`+schema.SubscriptionColumns+`, `+schema.EventColumns+`
		FROM awaited a
		JOIN subscription s ON s.id = a.subscription_id
		JOIN users u ON u.id = s.user_id
		JOIN event e ON e.id = a.event_id
		LEFT JOIN LATERAL (
			SELECT d.message_id, l.thread
			FROM event o
			JOIN letter_event x ON x.event_id = o.id
			JOIN letter l ON l.delivery_id = x.delivery_id
			JOIN delivery d ON d.id = l.delivery_id
			WHERE (o.package_id = e.package_id OR o.package_id IS NULL AND e.package_id IS NULL AND o.collection_id = e.collection_id)
				AND l.user_id = s.user_id AND d.sink = s.sink
			ORDER BY l.delivery_id DESC
			LIMIT 1
		) last ON true
		WHERE s.user_id = $1 AND s.sink = $2
		ORDER BY e.id, s.id
		LIMIT $3`, user, sink, mostAwaited)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (a koschei.Awaited, err error) {
		fields := []any{&a.Cause, &a.Due, &a.Told, &a.LastLetter, &a.LastThread}
		fields = append(fields, schema.SubscriptionFields(&a.Subscription)...)
		err = row.Scan(append(fields, schema.EventFields(&a.Event)...)...)
		return a, err
	})
}

func storeDraft(ctx context.Context, tx pgx.Tx, sink string, user int64, name string, d *koschei.Draft) error {
	last := slices.Max(d.Events)
	_, err := tx.Exec(ctx, `
		WITH written AS (
			INSERT INTO delivery (sink, event_id, key, subject)
			VALUES (@sink, @last, @key, @subject)
			RETURNING id
		), letter AS (
			INSERT INTO letter (delivery_id, subscription_id, user_id, cause, thread, answers)
			SELECT id, @subscription, @user, @cause, @thread, @answers
			FROM written
		)
		INSERT INTO letter_event (delivery_id, event_id)
		SELECT written.id, n.event_id
		FROM written
		CROSS JOIN unnest(@events::bigint[]) AS n (event_id)`, pgx.NamedArgs{
		"sink": sink, "last": last, "key": fmt.Sprintf("subscription %d, event %d", d.Subscription, last), "subject": "to " + name,
		"subscription": d.Subscription, "user": user, "cause": d.Cause, "thread": d.Thread, "answers": d.Answers, "events": d.Events,
	})
	return err
}

// Letter returns what a delivery is to tell, with what there is to say of it now.
// An error wraps koschei.ErrNotFound if its subscription has ended.
func (dv *Deliveries) Letter(ctx context.Context, d *koschei.Delivery) (*koschei.Letter, error) {
	l := &koschei.Letter{MessageID: d.MessageID}
	err := dv.db.Read(ctx, func(tx pgx.Tx) error {
		fields := append(schema.SubscriptionFields(&l.Subscription), &l.Cause, &l.Thread, &l.Answers, &l.Address, &l.Refused, &l.Secrets)
		err := tx.QueryRow(ctx, `
			SELECT `+schema.SubscriptionColumns+`, l.cause, l.thread, l.answers,
				CASE s.sink WHEN 'hook' THEN coalesce(h.url, '') ELSE coalesce(m.address, '') END,
				CASE s.sink WHEN 'hook' THEN CASE WHEN h.disabled IS NULL THEN '' ELSE h.reason END
					ELSE CASE WHEN m.disabled IS NULL THEN '' ELSE m.reason END END,
				CASE s.sink WHEN 'hook' THEN coalesce(h.secrets, '') ELSE '' END
			FROM letter l
			JOIN subscription s ON s.id = l.subscription_id
			JOIN users u ON u.id = l.user_id
			LEFT JOIN mailbox m ON m.user_id = u.id
			LEFT JOIN hook h ON h.user_id = u.id
			WHERE l.delivery_id = $1`, d.ID).Scan(fields...)
		if err != nil {
			return postgres.NotFound(err, "letter of delivery %d", d.ID)
		}
		l.Changes, err = readChanges(ctx, tx, d.ID)
		return err
	})
	return l, err
}

// readChanges returns what a letter tells: one change for each subject, from before
// its first event to after its last.
func readChanges(ctx context.Context, tx pgx.Tx, delivery int64) ([]koschei.LetterChange, error) {
	rows, err := tx.Query(ctx, `
		SELECT coalesce(e.package_id, 0), e.kind, e.at, e.before, e.after, e.package, e.collection, c.display_name,
			coalesce(CASE WHEN e.package_id IS NULL THEN r.problems ELSE n.problems END, '{}'),
			coalesce(p.last_complete_build_id, 0)
		FROM letter_event x
		JOIN event e ON e.id = x.event_id
		JOIN collection c ON c.id = e.collection_id
		LEFT JOIN package p ON p.id = e.package_id
		LEFT JOIN resolution n ON n.package_id = e.package_id
		LEFT JOIN repo r ON r.collection_id = e.collection_id AND r.repo_id = e.repo_id
		WHERE x.delivery_id = $1
		ORDER BY e.collection, e.package, e.id`, delivery)
	if err != nil {
		return nil, err
	}
	var changes []koschei.LetterChange
	var e koschei.Event
	var name string
	var problems []string
	var build int64
	_, err = pgx.ForEachRow(rows, []any{&e.PackageID, &e.Kind, &e.At, &e.Before, &e.After, &e.Package, &e.Collection, &name, &problems, &build}, func() error {
		before, after := e.Told()
		if n := len(changes); n > 0 && changes[n-1].Collection == e.Collection && changes[n-1].Package == e.Package {
			before = string(changes[n-1].Before)
			changes = changes[:n-1]
		}
		changes = append(changes, koschei.LetterChange{
			Collection: e.Collection, CollectionName: name, Package: e.Package, At: e.At,
			Before: koschei.State(before), After: koschei.State(after), Problems: problems, Build: koschei.LetterBuild{ID: build},
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range changes {
		if err := describe(ctx, tx, &changes[i]); err != nil {
			return nil, err
		}
	}
	return changes, nil
}

// mostChangesTold is how many changes of a buildroot a letter names.
const mostChangesTold = 8

// describe fills in what there is to say about the build that a change is about.
// A change that is not about one has none.
func describe(ctx context.Context, tx pgx.Tx, c *koschei.LetterChange) error {
	if c.After != koschei.StateUnresolved {
		c.Problems = nil
	}
	if c.Build.ID == 0 || c.After != koschei.StateFailing && c.After != koschei.StateOK {
		c.Build = koschei.LetterBuild{}
		return nil
	}
	var evr rpm.EVR
	err := tx.QueryRow(ctx, `
		SELECT epoch, version, release
		FROM build
		WHERE id = $1`, c.Build.ID).Scan(&evr.Epoch, &evr.Version, &evr.Release)
	if err != nil {
		return postgres.NotFound(err, "build %d", c.Build.ID)
	}
	c.Build.EVR = evr.String()
	if c.After != koschei.StateFailing {
		return nil
	}
	c.Build.Changes, c.Build.More, err = readBuildChanges(ctx, tx, c.Build.ID, mostChangesTold)
	return err
}

// readBuildChanges returns what was otherwise in the buildroot of a build than at
// the build before, nearest first, and how many changes more there are than asked
// for.
func readBuildChanges(ctx context.Context, tx pgx.Tx, build int64, most int) (changes []string, more int, err error) {
	rows, err := tx.Query(ctx, `
		SELECT coalesce(p.name, n.name), coalesce(p.epoch, 0), coalesce(p.version, ''), coalesce(p.release, ''),
			coalesce(n.epoch, 0), coalesce(n.version, ''), coalesce(n.release, '')
		FROM applied_change a
		CROSS JOIN LATERAL unnest(a.prev, a.curr, a.distance) AS x (prev, curr, distance)
		LEFT JOIN nevra p ON p.id = x.prev
		LEFT JOIN nevra n ON n.id = x.curr
		WHERE a.build_id = $1
		ORDER BY x.distance = 0, x.distance NULLS LAST, 1`, build)
	if err != nil {
		return nil, 0, err
	}
	var name string
	var prev, curr rpm.EVR
	_, err = pgx.ForEachRow(rows, []any{&name, &prev.Epoch, &prev.Version, &prev.Release, &curr.Epoch, &curr.Version, &curr.Release}, func() error {
		if len(changes) == most {
			more++
			return nil
		}
		changes = append(changes, changeText(name, prev, curr))
		return nil
	})
	return changes, more, err
}

func changeText(name string, prev, curr rpm.EVR) string {
	switch {
	case prev.Version == "":
		return name + " " + curr.String() + " is new"
	case curr.Version == "":
		return name + " " + prev.String() + " is gone"
	}
	return name + " " + prev.String() + " -> " + curr.String()
}

// refusalsBorne is how many letters in a row an address may refuse until nothing is
// sent to it any more.
const refusalsBorne = 3

// MailRefused notes that a user's address refused a letter, and says whether
// nothing is sent to it any more.
func (dv *Deliveries) MailRefused(ctx context.Context, user, reason string) (disabled bool, err error) {
	err = dv.db.QueryRow(ctx, `
		INSERT INTO mailbox AS m (user_id, refused, reason)
		SELECT id, 1, $2
		FROM users
		WHERE name = $1
		ON CONFLICT (user_id) DO UPDATE
		SET refused = m.refused + 1, reason = $2, disabled = CASE WHEN m.refused + 1 >= $3 THEN clock_timestamp() END
		RETURNING disabled IS NOT NULL`, user, reason, refusalsBorne).Scan(&disabled)
	if err != nil {
		return false, fmt.Errorf("noting that mail to %s is refused: %w", user, err)
	}
	return disabled, nil
}

// HookRefused notes why a user's web hook is given up: nothing is sent to it any more.
func (dv *Deliveries) HookRefused(ctx context.Context, user, reason string) error {
	_, err := dv.db.ExecOne(ctx, `
		UPDATE hook h
		SET disabled = clock_timestamp(), reason = $2
		FROM users u
		WHERE u.id = h.user_id AND u.name = $1 AND h.disabled IS NULL`, user, reason)
	if err != nil {
		return fmt.Errorf("noting that the web hook of %s is given up: %w", user, err)
	}
	return nil
}

// MailTaken notes that a user's address took a letter.
func (dv *Deliveries) MailTaken(ctx context.Context, user string) error {
	_, err := dv.db.ExecOne(ctx, `
		UPDATE mailbox m
		SET refused = 0, reason = ''
		FROM users u
		WHERE u.id = m.user_id AND u.name = $1 AND m.refused > 0 AND m.disabled IS NULL`, user)
	if err != nil {
		return fmt.Errorf("noting that mail to %s arrives: %w", user, err)
	}
	return nil
}

// bouncesBorne is how many letters may come back until nothing is sent to an address
// any more, unless a month passes without one.
const bouncesBorne = 3

// MailBounced notes that the letter with a message id came back, and returns whose it
// was, and whether nothing is sent to them any more. A letter counts once. An error
// wraps koschei.ErrNotFound if there is no such letter, or if it came back before.
func (dv *Deliveries) MailBounced(ctx context.Context, messageID, reason string) (user string, disabled bool, err error) {
	err = dv.db.QueryRow(ctx, `
		WITH returned AS (
			UPDATE letter l
			SET bounced = true
			FROM delivery d
			WHERE d.id = l.delivery_id AND d.message_id = $1::uuid AND NOT l.bounced
			RETURNING l.user_id
		), noted AS (
			INSERT INTO mailbox AS m (user_id, bounces, last_bounce, reason)
			SELECT user_id, 1, clock_timestamp(), $2
			FROM returned
			ON CONFLICT (user_id) DO UPDATE
			SET bounces = CASE WHEN m.last_bounce > clock_timestamp() - interval '1 month' THEN m.bounces ELSE 0 END + 1,
				last_bounce = clock_timestamp(), reason = $2,
				disabled = CASE WHEN m.last_bounce > clock_timestamp() - interval '1 month' AND m.bounces + 1 >= $3
					THEN coalesce(m.disabled, clock_timestamp()) ELSE m.disabled END
			RETURNING user_id, disabled IS NOT NULL AS disabled
		)
		SELECT u.name, noted.disabled
		FROM noted
		JOIN users u ON u.id = noted.user_id`, messageID, reason, bouncesBorne).Scan(&user, &disabled)
	if err != nil {
		return "", false, postgres.NotFound(err, "a letter %s that has not come back before", messageID)
	}
	return user, disabled, nil
}
