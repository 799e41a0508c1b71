package kb

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/thamos/thamos/kb/py"
)

// Rules are many and small, and nearly all are made by one of some dozen
// recipes: compressed one by one they shrink to a half, with samples of others
// as a dictionary to a tenth. So those of one kind, project and source are one
// value, and each source has a dictionary.
const (
	maxRuleGroup  = 16 << 20 // bytes of one value, unpacked
	maxRules      = 256 << 20
	maxDictionary = 64 << 10
	dictionaryID  = 1
)

// A ruleStore is what was read of rules.
type ruleStore struct {
	mu       sync.Mutex
	of       map[string]*factCache[[]py.Rule] // by kind
	unpacker map[string]*zstd.Decoder         // by source
	size     int                              // bytes, unpacked
}

// Rules returns the rules of a kind that are indexed by one of the names or by
// none, by name of the rule and project. It asks the database one question about
// names that it was not asked about before.
func (d *DB) Rules(ctx context.Context, kind string, names []py.Name) ([]py.Rule, error) {
	wanted := make([]py.Name, 0, len(names)+1)
	wanted = append(append(wanted, ""), names...)
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)

	store := &d.facts.rules
	store.mu.Lock()
	if store.of == nil {
		store.of = map[string]*factCache[[]py.Rule]{}
	}
	cache := store.of[kind]
	if cache == nil {
		cache = new(factCache[[]py.Rule])
		store.of[kind] = cache
	}
	store.mu.Unlock()

	groups, err := cache.get(wanted, func(missing []py.Name) (map[py.Name][]py.Rule, error) {
		return d.loadRules(ctx, kind, missing)
	})
	if err != nil {
		return nil, err
	}
	indexed := slices.Concat(groups[1:]...)
	slices.SortStableFunc(indexed, compareRules)
	all := mergeRules(groups[0], indexed)                    // of no project there may be thousands
	return slices.CompactFunc(all, func(a, b py.Rule) bool { // two sources say the same
		return compareRules(a, b) == 0
	}), nil
}

// mergeRules makes one sorted list of two.
func mergeRules(a, b []py.Rule) []py.Rule {
	out := make([]py.Rule, 0, len(a)+len(b))
	for _, r := range b {
		for len(a) > 0 && compareRules(a[0], r) <= 0 {
			out, a = append(out, a[0]), a[1:]
		}
		out = append(out, r)
	}
	return append(out, a...)
}

func compareRules(a, b py.Rule) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Project, b.Project), bytes.Compare(a.Body, b.Body))
}

// HasRule reports whether any rule has a name. It reads them all.
func (d *DB) HasRule(ctx context.Context, name string) (has bool, err error) {
	d.facts.rules.mu.Lock()
	defer d.facts.rules.mu.Unlock()
	conn, err := d.conn(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	if err := d.loadDictionaries(ctx, conn); err != nil {
		return false, err
	}
	wanted := append([]byte(name), '\t')
	err = d.all(ctx, conn, "read rules", `SELECT source, bodies FROM rule`, func(rows *sql.Rows) error {
		var source string
		var packed sql.RawBytes
		if err := rows.Scan(&source, &packed); err != nil {
			return err
		}
		text, err := d.facts.rules.text(source, packed)
		has = has || bytes.HasPrefix(text, wanted) || bytes.Contains(text, append([]byte{'\n'}, wanted...))
		return err
	})
	return has, err
}

func (d *DB) loadRules(ctx context.Context, kind string, names []py.Name) (map[py.Name][]py.Rule, error) {
	d.facts.rules.mu.Lock()
	defer d.facts.rules.mu.Unlock()
	conn, err := d.conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := d.loadDictionaries(ctx, conn); err != nil {
		return nil, err
	}
	found := map[py.Name][]py.Rule{}
	err = d.all(ctx, conn, "read rules",
		`SELECT r.project, r.source, r.bodies FROM json_each(?) j CROSS JOIN rule r ON r.kind = ? AND r.project = j.value`,
		func(rows *sql.Rows) error {
			var name py.Name
			var source string
			var packed sql.RawBytes
			if err := rows.Scan(&name, &source, &packed); err != nil {
				return err
			}
			text, err := d.facts.rules.text(source, packed)
			if err != nil {
				return err
			}
			list, err := splitRules(kind, name, text)
			if err != nil {
				return err
			}
			if of := found[name]; len(of) > 0 { // of another source
				list = mergeRules(of, list)
			}
			found[name] = list
			return nil
		}, jsonTexts(textsOf(names)), kind)
	return found, err
}

// loadDictionaries reads the dictionaries of all sources, once.
func (d *DB) loadDictionaries(ctx context.Context, conn *sql.Conn) error {
	if len(d.facts.rules.unpacker) > 0 {
		return nil
	}
	if d.facts.rules.unpacker == nil {
		d.facts.rules.unpacker = map[string]*zstd.Decoder{}
	}
	return d.all(ctx, conn, "read rules", `SELECT source, content FROM dictionary LIMIT ?`, d.facts.rules.addDictionary, maxSources)
}

// addDictionary reads a row of dictionary.
func (s *ruleStore) addDictionary(rows *sql.Rows) error {
	var source string
	var content []byte
	if err := rows.Scan(&source, &content); err != nil {
		return err
	}
	if len(content) > maxDictionary {
		return fmt.Errorf("%w: a dictionary of %d bytes", ErrDamaged, len(content))
	}
	z, err := ruleUnpacker(content)
	if err != nil {
		return err
	}
	s.unpacker[source] = z
	return nil
}

// ruleUnpacker reads groups that were packed with a dictionary.
func ruleUnpacker(dictionary []byte) (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(maxRuleGroup), zstd.WithDecoderDictRaw(dictionaryID, dictionary))
}

// text unpacks one value: for each rule its name, a tab, its body and a line
// feed.
func (s *ruleStore) text(source string, packed []byte) ([]byte, error) {
	z := s.unpacker[source]
	if z == nil {
		return nil, fmt.Errorf("%w: rules of %.80q have no dictionary", ErrDamaged, source)
	}
	text, err := z.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: rules of %.80q: %v", ErrDamaged, source, err)
	}
	if s.size += len(text); s.size > maxRules {
		return nil, fmt.Errorf("%w: more than %d bytes of rules", ErrDamaged, maxRules)
	}
	return text, nil
}

// splitRules makes rules of unpacked text, which they keep.
func splitRules(kind string, project py.Name, text []byte) ([]py.Rule, error) {
	list := make([]py.Rule, 0, bytes.Count(text, []byte{'\n'}))
	for len(text) > 0 {
		row, rest, whole := bytes.Cut(text, []byte{'\n'})
		name, body, found := bytes.Cut(row, []byte{'\t'})
		if !whole || !found || len(name) == 0 || len(name) > maxText || len(body) == 0 {
			return nil, fmt.Errorf("%w: %s rule %d of %.80q is malformed", ErrDamaged, kind, len(list), project)
		}
		list = append(list, py.Rule{Kind: kind, Name: string(name), Project: project, Body: body[:len(body):len(body)]})
		text = rest
	}
	return list, nil
}

// A ruleGroup is the rules of one kind and project, sorted, as unpack reads them.
type ruleGroup struct {
	kind    string
	project py.Name
	n       int
	text    []byte
}

// groupRules sorts rules and puts those of one kind and project together.
func groupRules(rules []py.Rule) ([]ruleGroup, error) {
	slices.SortFunc(rules, func(a, b py.Rule) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Project, b.Project), compareRules(a, b))
	})
	var groups []ruleGroup
	for i, r := range rules {
		if i > 0 && rules[i-1].Kind == r.Kind && rules[i-1].Project == r.Project && rules[i-1].Name == r.Name {
			if !bytes.Equal(rules[i-1].Body, r.Body) {
				return nil, fmt.Errorf("the %s rule %.80q was given twice and differs", r.Kind, r.Name)
			}
			continue
		}
		if n := len(groups); n == 0 || groups[n-1].kind != r.Kind || groups[n-1].project != r.Project {
			groups = append(groups, ruleGroup{kind: r.Kind, project: r.Project})
		}
		g := &groups[len(groups)-1]
		g.n++
		g.text = append(append(append(append(g.text, r.Name...), '\t'), r.Body...), '\n')
		if len(g.text) > maxRuleGroup/2 {
			return nil, fmt.Errorf("more than %d bytes of %s rules of %.80q", maxRuleGroup/2, r.Kind, r.Project)
		}
	}
	return groups, nil
}

// dictionaryOf takes samples of groups: from each of as many stretches of them
// as the dictionary has room for, the beginning of the first.
func dictionaryOf(groups []ruleGroup) []byte {
	const sample = 2 << 10
	var out []byte
	step := max(1, len(groups)/(maxDictionary/sample))
	for i := 0; i < len(groups) && len(out) < maxDictionary; i += step {
		text := groups[i].text
		out = append(out, text[:min(len(text), sample, maxDictionary-len(out))]...)
	}
	return out
}

// rulePacker packs groups with a dictionary.
func rulePacker(dictionary []byte) (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(1<<20), zstd.WithEncoderCRC(false), zstd.WithEncoderDictRaw(dictionaryID, dictionary))
}

// ruleRows returns what puts the unpacked bodies in the place of the packed ones
// in a row of rule, with the columns of factContents.
func ruleRows(ctx context.Context, q querier) (func(values []any) error, error) {
	rows, err := q.QueryContext(ctx, `SELECT source, content FROM dictionary LIMIT ?`, maxSources)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	store := ruleStore{unpacker: map[string]*zstd.Decoder{}}
	for rows.Next() {
		if err := store.addDictionary(rows); err != nil {
			return nil, err
		}
	}
	return func(values []any) error {
		const source, bodies = 2, 4
		from, ok1 := values[source].(string)
		packed, ok2 := values[bodies].([]byte)
		if !ok1 || !ok2 {
			return fmt.Errorf("%w: a rule of %T, %T", ErrDamaged, values[source], values[bodies])
		}
		text, err := store.text(from, packed)
		values[bodies] = text
		return err
	}, rows.Err()
}
