package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/thamos/thamos/solver"
)

// Priorities of items: what a user waits for comes first.
const (
	Asked    = 200 // named on the command line
	Wanted   = 100 // an answer stands on it
	Scouting = 10
)

// An Item is something that is to be learnt: a requirement, such as a name or
// NAME==VERSION, in an environment.
type Item struct {
	Key       string
	Env       string // such as "3.11 linux_x86_64"
	Priority  int
	Attempts  int // with the one that is under way
	State     State
	Class     solver.Class // of the last failure
	Reason    string
	NotBefore time.Time // zero: now
	Documents []string  // that settled it
	Settled   int       // how often it was
}

// A State says how far an item is.
type State string

const (
	Waiting State = "waiting"
	Done    State = "done"
	Left    State = "left" // tried in vain too often
)

// Add queues items and says how many are to be done. One that is there already
// is raised to the greater priority; one that is settled is opened again, since
// somebody wants it.
func (j *Journal) Add(ctx context.Context, items ...Item) (int, error) {
	tx, err := j.sql.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("queue: %w", err)
	}
	defer tx.Rollback() // after Commit it does nothing
	now := j.options.Now().Unix()
	for _, i := range items {
		_, err := tx.ExecContext(ctx, `INSERT INTO item VALUES (?, ?, ?, ?, 0, 0, '', 'waiting', '', '', 0, '[]')
			ON CONFLICT (key, env) DO UPDATE SET priority = max(priority, excluded.priority),
				added = CASE state WHEN 'waiting' THEN added ELSE excluded.added END,
				attempts = CASE state WHEN 'waiting' THEN attempts ELSE 0 END,
				not_before = CASE state WHEN 'waiting' THEN not_before ELSE 0 END,
				state = 'waiting'`, i.Key, i.Env, i.Priority, now)
		if err != nil {
			return 0, fmt.Errorf("queue %s: %w", i.Key, err)
		}
	}
	return len(items), tx.Commit()
}

// maxLeases is how often an item is begun before it is left, whatever became of
// those who had it.
const maxLeases = 8

// Next takes the first item that is due in an environment, of those with keys if
// there are any; nil if there is none. It is this client's until it is settled,
// failed, or the client is gone.
func (j *Journal) Next(ctx context.Context, env string, keys ...string) (*Item, error) {
	tx, err := j.sql.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("take from the queue: %w", err)
	}
	defer tx.Rollback() // after Commit it does nothing
	items, leases, err := j.items(ctx, tx, `WHERE state = 'waiting' AND env = ? AND not_before <= ?`, env, j.options.Now().Unix())
	if err != nil {
		return nil, err
	}
	for n, i := range items {
		if len(keys) > 0 && !slices.Contains(keys, i.Key) || leases[n] != "" && j.Alive(leases[n]) {
			continue
		}
		state := Waiting
		if i.Attempts >= maxLeases {
			state = Left
		}
		_, err := tx.ExecContext(ctx, `UPDATE item SET lease = ?, attempts = attempts + 1, state = ?, reason = CASE ? WHEN 'left' THEN 'every client that tried it ended' ELSE reason END
			WHERE key = ? AND env = ?`, j.client, state, state, i.Key, i.Env)
		if err != nil {
			return nil, fmt.Errorf("take %s from the queue: %w", i.Key, err)
		}
		if state == Left {
			continue
		}
		i.Attempts++
		return &i, tx.Commit()
	}
	return nil, tx.Commit()
}

// querier is a connection or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// items reads items, what is first first.
func (j *Journal) items(ctx context.Context, q querier, where string, args ...any) (items []Item, leases []string, err error) {
	rows, err := q.QueryContext(ctx, `SELECT key, env, priority, attempts, lease, state, class, reason, not_before, documents, settled FROM item `+where+
		` ORDER BY priority DESC, added, key, env`, args...)
	if err != nil {
		return nil, nil, fmt.Errorf("read the queue: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var i Item
		var lease, documents string
		var before int64
		if err := rows.Scan(&i.Key, &i.Env, &i.Priority, &i.Attempts, &lease, &i.State, &i.Class, &i.Reason, &before, &documents, &i.Settled); err != nil {
			return nil, nil, fmt.Errorf("read the queue: %w", err)
		}
		if err := json.Unmarshal([]byte(documents), &i.Documents); err != nil {
			return nil, nil, fmt.Errorf("read the queue: %w", err)
		}
		if before > 0 {
			i.NotBefore = time.Unix(before, 0)
		}
		items, leases = append(items, i), append(leases, lease)
	}
	return items, leases, rows.Err()
}

// A retry says how a failure that says nothing of the package is tried again.
type retry struct {
	class solver.Class
	tries int
	pause time.Duration // before the second try; then four times as long each
}

// retries are those of the classes: what a larger container may help is tried in
// one at once.
var retries = []retry{
	{solver.ClassNetwork, 5, 30 * time.Second},
	{solver.ClassEngine, 4, 30 * time.Second},
	{solver.ClassTimeout, 2, 0},
	{solver.ClassMemory, 2, 0},
	{solver.ClassDisk, 2, 0},
	{solver.ClassProcesses, 2, 0},
	{solver.ClassVoid, 2, 0},
}

// Fail gives an item back that came to nothing, with its documents. It is tried
// again later, or left.
func (j *Journal) Fail(ctx context.Context, i *Item, class solver.Class, reason string, docs ...*solver.Document) error {
	at := slices.IndexFunc(retries, func(r retry) bool { return r.class == class })
	state, before := Left, int64(0)
	if at >= 0 && i.Attempts < retries[at].tries {
		state = Waiting
		if pause := retries[at].pause; pause > 0 {
			before = j.options.Now().Add(pause << (2 * (i.Attempts - 1))).Unix()
		}
	}
	return j.settle(ctx, i, state, class, reason, before, docs)
}

// Done settles an item by documents.
func (j *Journal) Done(ctx context.Context, i *Item, docs ...*solver.Document) error {
	return j.settle(ctx, i, Done, "", "", 0, docs)
}

// settle writes what became of an item and its documents, in one transaction. An
// item that is no longer this client's is not touched.
func (j *Journal) settle(ctx context.Context, i *Item, state State, class solver.Class, reason string, before int64, docs []*solver.Document) error {
	tx, err := j.sql.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("settle %s: %w", i.Key, err)
	}
	defer tx.Rollback() // after Commit it does nothing
	digests := []string{}
	for _, d := range docs {
		digest, err := j.keep(ctx, tx, d)
		if err != nil {
			return err
		}
		digests = append(digests, digest)
	}
	list, err := json.Marshal(digests)
	if err != nil {
		return err
	}
	result, err := tx.ExecContext(ctx, `UPDATE item SET state = ?, class = ?, reason = ?, not_before = ?, settled = settled + ?, documents = ?, lease = ''
		WHERE key = ? AND env = ? AND lease = ? AND state = 'waiting'`,
		state, class, reason, before, btoi(state != Waiting), string(list), i.Key, i.Env, j.client)
	if err != nil {
		return fmt.Errorf("settle %s: %w", i.Key, err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return fmt.Errorf("settle %s: it is no longer ours (%d, %v)", i.Key, n, err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("settle %s: %w", i.Key, err)
	}
	i.State, i.Class, i.Reason, i.Documents = state, class, reason, digests
	if before > 0 {
		i.NotBefore = time.Unix(before, 0)
	}
	return j.file(ctx)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Items lists the queue, what is first first.
func (j *Journal) Items(ctx context.Context) ([]Item, error) {
	if j == nil {
		return nil, nil
	}
	items, _, err := j.items(ctx, j.sql, "")
	return items, err
}

// Clear takes items out of the queue that are in a state.
func (j *Journal) Clear(ctx context.Context, state State) error {
	_, err := j.sql.ExecContext(ctx, `DELETE FROM item WHERE state = ? AND lease = ''`, state)
	return err
}
