package kb

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb/py"
)

// alter runs SQL on a copy of a snapshot and returns the copy.
func alter(t testing.TB, file string, statements ...string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	altered := filepath.Join(t.TempDir(), "altered.db")
	if err := os.WriteFile(altered, text, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", fileURL(altered))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	return altered
}

func TestOpenRefuses(t *testing.T) {
	good, _ := write(t, world(t), nil)
	text, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	bytesOf := func(b []byte) string {
		file := filepath.Join(t.TempDir(), "kb.db")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	patched := func(at int, b ...byte) string {
		c := bytes.Clone(text)
		copy(c[at:], b)
		return bytesOf(c)
	}
	for _, test := range []struct {
		name, file string
		is         error
		want       string
	}{
		{"absent", filepath.Join(t.TempDir(), "kb.db"), fs.ErrNotExist, "kb.db"},
		{"directory", t.TempDir(), ErrNotSnapshot, "a knowledge base is one file"},
		{"device", os.DevNull, ErrNotSnapshot, "not a regular file"},
		{"empty", bytesOf(nil), ErrNotSnapshot, "the file is empty"},
		{"text", bytesOf([]byte("[packages]\nflask = \"*\"\n")), ErrNotSnapshot, "not a SQLite file"},
		{"packed", bytesOf([]byte(embeddedPacked[:4096])), ErrNotSnapshot, "not a SQLite file"},
		{"half a header", bytesOf(text[:50]), ErrDamaged, "cut off after 50 bytes"},
		{"header only", bytesOf(text[:100]), ErrDamaged, "100 bytes where"},
		{"cut off", bytesOf(text[:len(text)-1]), ErrDamaged, "are expected"},
		{"half", bytesOf(text[:len(text)/2]), ErrDamaged, "are expected"},
		{"longer", bytesOf(append(bytes.Clone(text), 0)), ErrDamaged, "are expected"},
		{"another program's", alter(t, good, "PRAGMA application_id = 1"), ErrNotSnapshot, "of another program"},
		{"page size", patched(16, 0, 3), ErrDamaged, "are expected"},
		{"zeroed", bytesOf(append(bytes.Clone(text[:100]), make([]byte, len(text)-100)...)), ErrDamaged, ""},
		{"model", alter(t, good, "UPDATE meta SET value = '3.0.0' WHERE key = 'schema'"), ErrSchema, "schema 3.0.0, this program reads 2.x; a newer thamos reads it"},
		{"old model", alter(t, good, "UPDATE meta SET value = '1.2.0' WHERE key = 'schema'"), ErrSchema, "schema 1.2.0, this program reads 2.x; an older thamos reads it"},
		{"no schema", alter(t, good, "DELETE FROM meta WHERE key = 'schema'"), ErrDamaged, "it has no schema"},
		{"no digest", alter(t, good, "DELETE FROM meta WHERE key = 'digest'"), ErrDamaged, "it has no digest"},
		{"strange digest", alter(t, good, "UPDATE meta SET value = 'x' WHERE key = 'digest'"), ErrDamaged, `its digest is "x"`},
		{"strange birthday", alter(t, good, "UPDATE meta SET value = 'today' WHERE key = 'built'"), ErrDamaged, `its birthday is "today"`},
		{"strange schema", alter(t, good, "UPDATE meta SET value = 'one' WHERE key = 'schema'"), ErrDamaged, `its schema "one"`},
		{"no table", alter(t, good, "DROP TABLE artifacts"), ErrDamaged, "17 of 18 tables"},
		{"a view for a table", alter(t, good, "DROP TABLE text",
			"CREATE VIEW text AS WITH RECURSIVE n(id, value) AS (SELECT 1, 'x' UNION ALL SELECT id + 1, value FROM n) SELECT * FROM n"), ErrDamaged, "17 of 18 tables"},
	} {
		d, err := Open(t.Context(), test.file)
		if err == nil {
			t.Errorf("%s: opened", test.name)
			d.Close()
			continue
		}
		if !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), filepath.Base(test.file)) {
			t.Errorf("%s: %v\nwant %q, wrapping %q, with the file", test.name, err, test.want, test.is)
		}
	}
	later := openTest(t, alter(t, good, "UPDATE meta SET value = '2.7.3' WHERE key = 'schema'", "CREATE TABLE addition (x)"))
	if _, err := later.Projects(t.Context(), []py.Name{"demo"}); err != nil {
		t.Errorf("an addition: %v", err)
	}
}

// What is wrong with a row is said when it is read, with where it is.
func TestDamagedRows(t *testing.T) {
	good, _ := write(t, world(t), nil)
	projects := func(d *DB) error {
		_, err := d.Projects(t.Context(), []py.Name{"demo"})
		return err
	}
	files := func(d *DB) error {
		_, err := d.Files(t.Context(), []py.Package{{Name: "demo", Version: version(t, "2.0")}})
		return err
	}
	for _, test := range []struct {
		statement string
		ask       func(*DB) error
		want      string
	}{
		{`UPDATE project SET releases = replace(releases, '"1.5"', '"1.x"') WHERE name = 'demo'`, projects, "demo, release 2"},
		{`UPDATE project SET releases = replace(releases, '2000', '-1') WHERE name = 'demo'`, projects, "demo, release 0"},
		{`UPDATE project SET releases = '' WHERE name = 'demo'`, projects, "demo, release 0"},
		{`UPDATE project SET releases = '[["1",0,0,0,0,0,0,99]]' WHERE name = 'demo'`, projects, "demo, release 0 (1) refers to a row that is not there"},
		{`DELETE FROM text`, projects, "refers to a row that is not there"},
		{`UPDATE project SET lists = '[]' WHERE name = 'demo'`, projects, "refers to a row that is not there"},
		{`UPDATE project SET lines = '' WHERE name = 'demo'`, projects, "demo: damaged knowledge base: malformed requirement list"},
		{`UPDATE project SET lines = replace(lines, char(9) || 'x', char(9) || 'No Name')`, projects, `the extra "No Name" is not normalised`},
		{`UPDATE project SET releases = CAST(zeroblob(100000000) AS TEXT) WHERE name = 'demo'`, projects, "too big"},
		{`DELETE FROM text`, files, "refers to a row that is not there"},
		{`UPDATE file SET size = -1`, files, "demo==2.0, file"},
		{`UPDATE file SET requires_python = 99`, files, "refers to a row that is not there"},
		{`UPDATE file SET filename = '../' || filename`, files, "impossible name"},
		{`UPDATE sha256 SET digest = x'00'`, files, "impossible name, size, date or hash"},
	} {
		d := openTest(t, alter(t, good, test.statement))
		if err := test.ask(d); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.statement, err, test.want)
		}
		if err := d.Verify(t.Context()); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: Verify: %v", test.statement, err)
		}
	}
}

// Opening and reading leaves no trace and no file beside the snapshot.
func TestReadOnly(t *testing.T) {
	file, _ := write(t, world(t), nil)
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := openTest(t, file)
	for _, s := range []string{"DELETE FROM meta", "CREATE TABLE x (y)", "PRAGMA user_version = 1"} {
		if _, err := d.sql.ExecContext(t.Context(), s); err == nil {
			t.Errorf("%s: done", s)
		}
	}
	after, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file has changed (%v)", err)
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
		t.Errorf("beside it: %v, %v", left, err)
	}
}

// FuzzOpen changes a snapshot as text and asks it everything: whatever it says,
// nothing panics and nothing runs away.
func FuzzOpen(f *testing.F) {
	file, _ := write(f, append(world(f), tool(f)), addFacts(f))
	good, err := os.ReadFile(file)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(0), []byte{})
	f.Add(uint32(16), []byte{2, 0})
	f.Add(uint32(100), []byte{0xff, 0xff})
	for page := pageSize; page < len(good); page += pageSize {
		f.Add(uint32(page), []byte{13, 0, 0, 0xff})
		f.Add(uint32(page+8), []byte{0xff, 0xff, 0xff})
		f.Add(uint32(page+pageSize-40), bytes.Repeat([]byte{0x81}, 40))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, at uint32, with []byte) {
		text := bytes.Clone(good)
		copy(text[int(at)%len(text):], with)
		name, err := os.CreateTemp(dir, "kb")
		if err != nil {
			t.Fatal(err)
		}
		defer os.Remove(name.Name())
		if _, err := name.Write(text); err != nil {
			t.Fatal(err)
		}
		name.Close()
		d, err := Open(t.Context(), name.Name())
		if err != nil {
			return
		}
		defer d.Close()
		ask(t.Context(), d)
		if d.Verify(t.Context()) != nil {
			return
		}
		// What verifies says what the good one says, or that it cannot.
		ps, err := d.Projects(t.Context(), []py.Name{"demo", "leaf", "empty"})
		if err != nil {
			return
		}
		for i, n := range []int{6, 1, 0} {
			if ps[i] != nil && len(ps[i].Releases) != n {
				t.Fatalf("verified, and project %d has %d releases", i, len(ps[i].Releases))
			}
		}
	})
}

// ask asks every question, whatever the answers.
func ask(ctx context.Context, d *DB) {
	ps, err := d.Projects(ctx, []py.Name{"demo", "leaf", "empty", "nobody"})
	if err == nil {
		for _, p := range ps {
			if p != nil && len(p.Releases) > 0 {
				d.Files(ctx, []py.Package{{Name: p.Name, Version: p.Releases[0].Version}})
			}
		}
	}
	d.Info(ctx)
	names := []py.Name{"demo", "leaf", "empty", "nobody", "tool"}
	d.Advisories(ctx, names)
	d.Suspicions(ctx, names)
	for _, kind := range []string{"boot", "step", "wrap"} {
		d.Rules(ctx, kind, names)
	}
	d.Observations(ctx, names)
	d.Indicators(ctx, names)
	d.Abouts(ctx, names)
}
