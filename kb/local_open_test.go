package kb

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb/py"
)

// What is not local knowledge, or cannot be read, gives a clear error with the
// way out, and stays as it is.
func TestOpenLocalRefuses(t *testing.T) {
	good := filepath.Join(t.TempDir(), "local.db")
	l, err := OpenLocal(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Learn(t.Context(), documents(public, 100, world(t)...)), l.Close()); err != nil {
		t.Fatal(err)
	}
	snapshot, _ := write(t, world(t), nil)
	text, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	bytesOf := func(b []byte) string {
		file := filepath.Join(t.TempDir(), "local.db")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for _, test := range []struct {
		name, file string
		is         error
		want       string
	}{
		{"directory", t.TempDir(), ErrNotSnapshot, "not a regular file"},
		{"text", bytesOf([]byte("[packages]\nflask = \"*\"\n")), ErrNotSnapshot, "move it away"},
		{"half a header", bytesOf(text[:50]), ErrDamaged, "cut off after 50 bytes"},
		{"header only", bytesOf(text[:100]), ErrDamaged, "move it away"},
		{"zeroed", bytesOf(append(bytes.Clone(text[:100]), make([]byte, len(text)-100)...)), ErrDamaged, "move it away"},
		{"a snapshot", alter(t, snapshot), ErrNotSnapshot, "a snapshot, not local knowledge"},
		{"another program's", alter(t, good, "PRAGMA application_id = 1"), ErrNotSnapshot, "of another program"},
		{"model", alter(t, good, "UPDATE meta SET value = '2.0.0'"), ErrSchema, "move it away"},
		{"later model", alter(t, good, "UPDATE meta SET value = '2.1.0'"), ErrSchema, "schema 2.1.0, this program reads 1.x; a newer thamos reads it"},
		{"no schema", alter(t, good, "DELETE FROM meta"), ErrDamaged, "move it away"},
		{"no added table", alter(t, good, "DROP TABLE event"), ErrDamaged, "12 of 13 tables"},
		{"no table", alter(t, good, "DROP TABLE page"), ErrDamaged, "3 of 4 tables"},
		{"a view for a table", alter(t, good, "DROP TABLE page", "CREATE VIEW page AS SELECT 1"), ErrDamaged, "3 of 4 tables"},
	} {
		before, _ := os.ReadFile(test.file)
		l, err := OpenLocal(t.Context(), test.file)
		if err == nil {
			t.Errorf("%s: opened", test.name)
			l.Close()
			continue
		}
		if !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.file) {
			t.Errorf("%s: %v\nwant %q, wrapping %q, with the file", test.name, err, test.want, test.is)
		}
		if after, _ := os.ReadFile(test.file); !bytes.Equal(before, after) {
			t.Errorf("%s: the file was changed", test.name)
		}
	}
	if _, err := Open(t.Context(), good); !errors.Is(err, ErrNotSnapshot) || !strings.Contains(err.Error(), "local knowledge, not a snapshot") {
		t.Errorf("as a snapshot: %v", err)
	}
}

// askLocal asks local knowledge everything.
func askLocal(ctx context.Context, l *Local) error {
	names := []py.Name{"demo", "leaf", "empty"}
	k := NewLayered(nil, l, Route{Indexes: []string{private, public}}, true)
	ps, err := k.Projects(ctx, names)
	errs := []error{err}
	for _, p := range ps {
		if p == nil {
			continue
		}
		var packages []py.Package
		for _, r := range p.Releases {
			packages = append(packages, py.Package{Name: p.Name, Version: r.Version})
		}
		_, err := k.Files(ctx, packages)
		errs = append(errs, err)
	}
	for _, name := range names {
		_, _, err := l.Listing(ctx, public, name)
		errs = append(errs, err)
	}
	_, err = l.Answers(ctx, names)
	errs = append(errs, err)
	_, err = l.Info(ctx)
	errs = append(errs, err, l.Documents(ctx, func(Document) error { return nil }))
	return errors.Join(errs...)
}

// What is wrong with a row is said when it is read.
func TestLocalDamagedRows(t *testing.T) {
	file := filepath.Join(t.TempDir(), "local.db")
	l, err := OpenLocal(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Learn(t.Context(), append(documents(public, 100, world(t)...), absent(private, "demo", 1))), l.Close()); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ statement, want string }{
		{`UPDATE project SET kind = 'gossip'`, "of the kind"},
		{`UPDATE project SET kind = 'listing'`, "of the kind"},
		{`DELETE FROM page`, "of the kind"},
		{`UPDATE project SET digest = x'00'`, "another digest"},
		{`UPDATE project SET read = read + 1`, "another digest"},
		{`UPDATE project SET etag = 'x'`, "another digest"},
		{`UPDATE page SET content = x'00'`, "damaged"},
		{`UPDATE page SET content = (SELECT content FROM release WHERE content <> x'' LIMIT 1)`, "malformed at byte 0"},
		{`UPDATE page SET releases = '[]x'`, "release 0"},
		{`UPDATE page SET texts = ''`, "refers to a row that is not there"},
		{`UPDATE page SET artifacts = ''`, "refers to a row that is not there"},
		{`UPDATE page SET artifacts = 'x' || artifacts`, "kinds of file 0"},
		{`UPDATE page SET files = replace(files, ' ', ' x')`, "positions of files"},
		{`UPDATE page SET files = 'x ' || files`, "positions of files"},
		{`UPDATE release SET version = 'x'`, "damaged"},
		{`UPDATE release SET kind = 'listing'`, "of the kind"},
		{`UPDATE release SET extras = 'No Name'`, "not normalised"},
		{`UPDATE release SET content = x'28b52ffd'`, "damaged"},
	} {
		l := openLocalTest(t, alter(t, file, test.statement))
		if err := askLocal(t.Context(), l); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "move it away") {
			t.Errorf("%s: %v, want %q", test.statement, err, test.want)
		}
	}
	if err := askLocal(t.Context(), openLocalTest(t, file)); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

// FuzzOpenLocal changes local knowledge as text and asks it everything: nothing
// panics and nothing runs away.
func FuzzOpenLocal(f *testing.F) {
	file := filepath.Join(f.TempDir(), "local.db")
	l, err := OpenLocal(f.Context(), file)
	if err != nil {
		f.Fatal(err)
	}
	if err := errors.Join(l.Learn(f.Context(), append(documents(public, 100, world(f)...), absent(private, "demo", 1))), l.Close()); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(file)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(0), []byte{})
	f.Add(uint32(16), []byte{2, 0})
	f.Add(uint32(18), []byte{1, 1})
	for page := pageSize; page < len(good); page += pageSize {
		f.Add(uint32(page), []byte{13, 0, 0, 0xff})
		f.Add(uint32(page+pageSize-40), bytes.Repeat([]byte{0x81}, 40))
	}
	f.Fuzz(func(t *testing.T, at uint32, with []byte) {
		text := bytes.Clone(good)
		copy(text[int(at)%len(text):], with)
		name := filepath.Join(t.TempDir(), "local.db")
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := OpenLocal(t.Context(), name)
		if err != nil {
			return
		}
		defer l.Close()
		if askLocal(t.Context(), l) == nil {
			l.Learn(t.Context(), documents(public, 200, world(t)...)) // it may fail: of what is damaged not all is read before
		}
	})
}
