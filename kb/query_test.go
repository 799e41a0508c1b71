package kb

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestQuery(t *testing.T) {
	file, _ := write(t, world(t), nil)
	d := openTest(t, file)
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(text string, rows int, limit time.Duration) (Table, error) {
		return d.Query(context.Background(), text, rows, limit)
	}
	table, err := ask("SELECT name, total, NULL, 1.5, x'00' FROM project ORDER BY name", 2, time.Minute)
	if err != nil || len(table.Rows) != 2 || !table.More || len(table.Columns) != 5 || table.Rows[0][0] != "demo" {
		t.Errorf("%v, %+v", err, table)
	}
	if table, err := ask("SELECT name FROM project", 1000, time.Minute); err != nil || table.More || len(table.Rows) != len(world(t)) {
		t.Errorf("%v, %+v", err, table)
	}
	other := filepath.Join(t.TempDir(), "other.db")
	for _, text := range []string{
		"DELETE FROM project", "UPDATE meta SET value = ''", "CREATE TABLE x (y)", "CREATE TEMP TABLE x AS SELECT 1", "ATTACH '" + other + "' AS o",
		"-- \nATTACH ':memory:' AS o", "VACUUM", "VACUUM INTO '" + other + "'", "PRAGMA query_only = 0; DELETE FROM project", "PRAGMA writable_schema = 1; DELETE FROM sqlite_schema",
		"SELECT load_extension('x')", "SELECT writefile('" + other + "', 'x')", "SELECT readfile('/etc/passwd')", "", "no SQL",
	} {
		if table, err := ask(text, 10, time.Minute); err == nil && len(table.Rows) > 0 {
			t.Errorf("%s: %+v", text, table)
		}
		if _, err := os.Stat(other); err == nil {
			t.Fatalf("%s: made a file", text)
		}
	}
	if after, _ := os.ReadFile(file); string(after) != string(before) {
		t.Error("the file was changed")
	}
	if err := d.Verify(context.Background()); err != nil {
		t.Error(err)
	}
	_, err = ask("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n", 10, 30*time.Millisecond)
	if !errors.Is(err, errSlow) || !strings.Contains(err.Error(), "more than 30ms") {
		t.Errorf("a question without end: %v", err)
	}
	if _, err := ask("SELECT zeroblob(900000000)", 10, time.Minute); err == nil {
		t.Error("a value of 900 MB was read")
	}
	if _, err := ask("SELECT 1", 10, time.Minute); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

func TestUnpackPacked(t *testing.T) {
	file, _ := write(t, world(t), nil)
	var packed, out strings.Builder
	if err := Pack(file, &packed); err != nil {
		t.Fatal(err)
	}
	want, _ := os.ReadFile(file)
	n, err := Unpack(context.Background(), strings.NewReader(packed.String()), &out, int64(len(want)))
	if err != nil || n != int64(len(want)) || out.String() != string(want) {
		t.Errorf("%d bytes, %v", n, err)
	}
	if _, err := Unpack(context.Background(), strings.NewReader(packed.String()), &out, int64(len(want))-1); !errors.Is(err, ErrDamaged) {
		t.Errorf("more than allowed: %v", err)
	}
	if _, err := Unpack(context.Background(), strings.NewReader(packed.String()[:packed.Len()/2]), &out, 1<<20); !errors.Is(err, ErrDamaged) {
		t.Errorf("cut off: %v", err)
	}
	if _, err := Unpack(context.Background(), strings.NewReader(packed.String()), failing{}, 1<<20); !errors.Is(err, os.ErrClosed) || errors.Is(err, ErrDamaged) {
		t.Errorf("a disk that fails: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Unpack(ctx, strings.NewReader(packed.String()), &out, 1<<20); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestCheckIntegrity(t *testing.T) {
	file, _ := write(t, world(t), nil)
	if err := openTest(t, file).CheckIntegrity(context.Background()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for at := 3 * pageSize; at < 3*pageSize+64; at++ { // the header of a table's page
		text[at] ^= 0xff
	}
	bad := filepath.Join(t.TempDir(), "bad.db")
	if err := os.WriteFile(bad, text, 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := Open(context.Background(), bad)
	if err == nil {
		defer d.Close()
		err = d.CheckIntegrity(context.Background())
	}
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("%v", err)
	}
}
