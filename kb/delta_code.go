package kb

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// Kinds of a value in a delta.
const (
	valueNull = iota
	valueInt
	valueText
	valueBlob
	valueFloat
	valueSame  // in a change: what the old row has
	valuePatch // in a change: a text that begins and ends like the old one
)

// A deltaWriter writes the parts of a delta. An error of the writer below shows
// when it is flushed.
type deltaWriter struct{ w *bufio.Writer }

func (w deltaWriter) number(n uint64) {
	w.w.Write(binary.AppendUvarint(w.w.AvailableBuffer(), n))
}

func (w deltaWriter) text(s string) {
	w.number(uint64(len(s)))
	w.w.WriteString(s)
}

func (w deltaWriter) row(row []any) {
	for _, v := range row {
		w.value(v)
	}
}

func (w deltaWriter) value(v any) {
	switch v := v.(type) {
	case nil:
		w.number(valueNull)
	case int64:
		w.number(valueInt)
		w.w.Write(binary.AppendVarint(w.w.AvailableBuffer(), v))
	case string:
		w.number(valueText)
		w.text(v)
	case []byte:
		w.number(valueBlob)
		w.text(string(v))
	case float64:
		w.number(valueFloat)
		w.w.Write(binary.BigEndian.AppendUint64(w.w.AvailableBuffer(), math.Float64bits(v)))
	default:
		panic(fmt.Sprintf("kb: a value of type %T", v)) // SQLite has no other
	}
}

// patch writes what is new in a row.
func (w deltaWriter) patch(old, row []any) {
	for i, v := range row {
		if equalValues(old[i], v) {
			w.number(valueSame)
			continue
		}
		before, ok1 := old[i].(string)
		after, ok2 := v.(string)
		if !ok1 || !ok2 {
			w.value(v)
			continue
		}
		head := commonPrefix(before, after)
		tail := commonSuffix(before[head:], after[head:])
		w.number(valuePatch)
		w.number(uint64(head))
		w.number(uint64(tail))
		w.text(after[head : len(after)-tail])
	}
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func commonSuffix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}

// errDelta reports a delta that is not what deltaWriter writes.
var errDelta = errors.New("malformed delta")

// A deltaReader reads the parts of a delta. What is not as it must be sets err,
// and then every part is zero.
type deltaReader struct {
	r   *bufio.Reader
	err error
}

func (r *deltaReader) fail(err error) {
	if r.err != nil {
		return
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: cut off", errDelta)
	}
	r.err = err
}

func (r *deltaReader) number() uint64 {
	if r.err != nil {
		return 0
	}
	n, err := binary.ReadUvarint(r.r)
	if err != nil {
		r.fail(err)
		return 0
	}
	return n
}

// text reads a text of at most so many bytes. It grows with what is there, not
// with what is promised.
func (r *deltaReader) text(most int) string {
	n := r.number()
	if r.err == nil && n > uint64(most) {
		r.fail(fmt.Errorf("%w: a text of %d bytes", errDelta, n))
	}
	if r.err != nil {
		return ""
	}
	var b strings.Builder
	if _, err := io.CopyN(&b, r.r, int64(n)); err != nil {
		r.fail(err)
		return ""
	}
	return b.String()
}

func (r *deltaReader) row(columns int) []any {
	row := make([]any, columns)
	for i := range row {
		row[i] = r.value(r.number())
	}
	return row
}

func (r *deltaReader) value(kind uint64) any {
	if r.err != nil {
		return nil
	}
	switch kind {
	case valueNull:
		return nil
	case valueInt:
		n, err := binary.ReadVarint(r.r)
		if err != nil {
			r.fail(err)
		}
		return n
	case valueText:
		return r.text(maxValue)
	case valueBlob:
		return []byte(r.text(maxValue))
	case valueFloat:
		var b [8]byte
		if _, err := io.ReadFull(r.r, b[:]); err != nil {
			r.fail(err)
		}
		return math.Float64frombits(binary.BigEndian.Uint64(b[:]))
	}
	r.fail(fmt.Errorf("%w: a value of kind %d", errDelta, kind))
	return nil
}

// patch reads what is new in a row.
func (r *deltaReader) patch(old []any) []any {
	row := make([]any, len(old))
	for i := range row {
		switch kind := r.number(); {
		case r.err != nil:
			return row
		case kind == valueSame:
			row[i] = old[i]
		case kind == valuePatch:
			before, _ := old[i].(string)
			head, tail := r.number(), r.number()
			middle := r.text(maxValue)
			n := uint64(len(before))
			if head > n || tail > n || head+tail > n || n+uint64(len(middle)) > 2*maxValue {
				r.fail(fmt.Errorf("%w: a change of more than there is", errDelta))
				return row
			}
			row[i] = before[:head] + middle + before[n-tail:]
		default:
			row[i] = r.value(kind)
		}
	}
	return row
}
