package kb

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"math"
)

// contentDigest is the digest of what a snapshot says, however the database
// lays it out: the SHA-256 of
//
//	"thamos knowledge base\n"
//	for each table of contents: 'T', its name; for each row in the order of its
//	key: 'R', then each column in the order of contents
//
// where a text (and a table's name) is 's', its length in 8 bytes and its
// bytes, a blob the same with 'b', an integer is 'i' and 8 bytes, a number with
// a fraction 'f' and the 8 bytes of IEEE 754, and NULL is 'n'; numbers are
// big-endian. The row of meta that holds the digest is left out. Rules are
// hashed as they are before they are packed, and their dictionaries, which only
// pack them, are not.
func contentDigest(ctx context.Context, conn *sql.Conn) (string, error) {
	h := sha256.New()
	h.Write([]byte("thamos knowledge base\n"))
	for _, c := range allContents() {
		if c.table == "dictionary" {
			continue
		}
		h.Write([]byte{'T'})
		hashBytes(h, 's', []byte(c.table))
		query := "SELECT " + c.columns + " FROM " + c.table
		if c.table == "meta" {
			query += " WHERE key <> 'digest'"
		}
		change := asItIs
		if c.table == "rule" {
			unpack, err := ruleRows(ctx, conn)
			if err != nil {
				return "", fmt.Errorf("table dictionary: %w", err)
			}
			change = unpack
		}
		if err := hashRows(ctx, conn, h, query+" ORDER BY "+c.key, change); err != nil {
			return "", fmt.Errorf("table %s: %w", c.table, err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// hashRows hashes the rows of a query, each as change leaves it.
func hashRows(ctx context.Context, conn querier, h hash.Hash, query string, change func(values []any) error) error {
	rows, err := conn.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if err := change(values); err != nil {
			return err
		}
		h.Write([]byte{'R'})
		for _, v := range values {
			switch v := v.(type) {
			case nil:
				h.Write([]byte{'n'})
			case int64:
				var b [9]byte
				b[0] = 'i'
				binary.BigEndian.PutUint64(b[1:], uint64(v))
				h.Write(b[:])
			case float64:
				var b [9]byte
				b[0] = 'f'
				binary.BigEndian.PutUint64(b[1:], math.Float64bits(v))
				h.Write(b[:])
			case string:
				hashBytes(h, 's', []byte(v))
			case []byte:
				hashBytes(h, 'b', v)
			default:
				return fmt.Errorf("%w: a value of type %T", ErrDamaged, v)
			}
		}
	}
	return rows.Err()
}

func asItIs([]any) error { return nil }

// hashBytes hashes a text or a blob with its kind and its length.
func hashBytes(h hash.Hash, kind byte, b []byte) {
	var n [9]byte
	n[0] = kind
	binary.BigEndian.PutUint64(n[1:], uint64(len(b)))
	h.Write(n[:])
	h.Write(b)
}

// Verify reads the whole snapshot and reports whether its content is that of
// its digest. The error of one that was changed wraps ErrDamaged.
func (d *DB) Verify(ctx context.Context) error {
	conn, err := d.conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	digest, err := contentDigest(ctx, conn)
	if err != nil {
		return d.failed(ctx, "verify", err)
	}
	if digest != d.digest {
		return fmt.Errorf("%s: %w: its content has the digest %s, not %.64s", d.name, ErrDamaged, digest, d.digest)
	}
	return nil
}
