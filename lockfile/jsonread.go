package lockfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

// Limits of a JSON lock. The largest that people have are a few MB.
const (
	maxJSON       = 32 << 20
	maxJSONValues = 1 << 19 // keys too; a value takes about 150 bytes of memory
	maxJSONDepth  = 32
	maxJSONText   = 16 << 10 // bytes of a string; it may be quoted in a message
)

// A jsonValue is a value of a JSON document and where it stands, which
// encoding/json does not keep.
type jsonValue struct {
	kind    byte   // { [ " 0 (number) t f n (null)
	offset  int    // of its first byte
	text    string // of a string, decoded; of a number as written
	items   []jsonValue
	members []jsonMember
}

// A jsonMember is a key of an object, with its value.
type jsonMember struct {
	key   string
	at    int // offset of the key
	value jsonValue
}

// get returns the value of a key; a value that is no object has none.
func (v jsonValue) get(key string) (jsonValue, bool) {
	for _, m := range v.members {
		if m.key == key {
			return m.value, true
		}
	}
	return jsonValue{}, false
}

// A jsonReader makes jsonValues of a text.
type jsonReader struct {
	file   string
	data   []byte
	lines  lines
	dec    *json.Decoder
	values int
}

// parseJSON reads a whole document: UTF-8, a byte order mark allowed, no key
// twice in an object, nothing after the value. Every error is an *Error.
func parseJSON(file string, data []byte) (jsonValue, *jsonReader, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	r := &jsonReader{file: file, data: data}
	if len(data) > maxJSON {
		return jsonValue{}, nil, refuse(Position{File: file}, "", "larger than %d MiB, the limit for such a file", maxJSON>>20)
	}
	r.lines = newLines(string(data))
	if !utf8.Valid(data) {
		off := 0
		for {
			c, size := utf8.DecodeRune(data[off:])
			if c == utf8.RuneError && size == 1 {
				return jsonValue{}, nil, refuse(r.position(off), "save the file as UTF-8", "byte %#02x is not UTF-8", data[off])
			}
			off += size
		}
	}
	r.dec = json.NewDecoder(bytes.NewReader(data))
	r.dec.UseNumber()
	v, err := r.value(1)
	if err != nil {
		return jsonValue{}, nil, err
	}
	end := r.next()
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return jsonValue{}, nil, refuse(r.position(end), "", "not valid JSON: text after the end")
	}
	return v, r, nil
}

// value reads the next value.
func (r *jsonReader) value(depth int) (jsonValue, error) {
	v := jsonValue{offset: r.next()}
	token, err := r.token(v.offset)
	if err != nil {
		return v, err
	}
	if r.values++; r.values > maxJSONValues {
		return v, refuse(r.at(v), "", "more than %d values, the limit for such a file", maxJSONValues)
	}
	switch token := token.(type) {
	case json.Delim:
		if depth > maxJSONDepth {
			return v, refuse(r.at(v), "", "nested more than %d deep", maxJSONDepth)
		}
		v.kind = byte(token)
		if token == '{' {
			err = r.object(&v, depth)
		} else {
			err = r.array(&v, depth)
		}
		return v, err
	case string:
		v.kind, v.text = '"', token
	case json.Number:
		v.kind, v.text = '0', token.String()
	case bool:
		v.kind = 'f'
		if token {
			v.kind = 't'
		}
	default:
		v.kind = 'n'
	}
	return v, nil
}

// object reads the members of v and its end.
func (r *jsonReader) object(v *jsonValue, depth int) error {
	first := make(map[string]int)
	for r.dec.More() {
		m := jsonMember{at: r.next()}
		token, err := r.token(m.at)
		if err != nil {
			return err
		}
		m.key, _ = token.(string) // the decoder refuses another kind of key
		if at, ok := first[m.key]; ok {
			return refuse(r.position(m.at), "delete one of the two", "key %q stands in this object twice, first at %v", m.key, r.position(at))
		}
		first[m.key] = m.at
		if m.value, err = r.value(depth + 1); err != nil {
			return err
		}
		v.members = append(v.members, m)
	}
	_, err := r.token(r.next())
	return err
}

// array reads the items of v and its end.
func (r *jsonReader) array(v *jsonValue, depth int) error {
	for r.dec.More() {
		item, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		v.items = append(v.items, item)
	}
	_, err := r.token(r.next())
	return err
}

// token reads a token, which begins at offset at.
func (r *jsonReader) token(at int) (json.Token, error) {
	token, err := r.dec.Token()
	if err == nil {
		if text, ok := token.(string); ok && len(text) > maxJSONText {
			return nil, refuse(r.position(at), "", "text longer than %d KiB, the limit for such a file", maxJSONText>>10)
		}
		return token, nil
	}
	if at == len(r.data) {
		return nil, refuse(r.position(at), "is the file complete?", "not valid JSON: the text ends too early")
	}
	for _, mark := range []string{"<<<<<<<", "=======", ">>>>>>>"} {
		if bytes.HasPrefix(r.data[at:], []byte(mark)) {
			return nil, refuse(r.position(at), "resolve the merge, or make the lock again", "conflict mark of a merge")
		}
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return nil, refuse(r.position(at), "", "not valid JSON: %s", syntax.Error())
	}
	return nil, refuse(r.position(at), "is the file complete?", "not valid JSON: %v", err)
}

// next returns the offset of the next token.
func (r *jsonReader) next() int {
	at := int(r.dec.InputOffset())
	for at < len(r.data) && bytes.IndexByte([]byte(" \t\r\n,:"), r.data[at]) >= 0 {
		at++
	}
	return at
}

func (r *jsonReader) at(v jsonValue) Position      { return r.position(v.offset) }
func (r *jsonReader) position(offset int) Position { return r.lines.position(r.file, offset) }

// want returns an error if v is not of a kind; what names it.
func (r *jsonReader) want(v jsonValue, kind byte, what string) error {
	if v.kind == kind {
		return nil
	}
	names := map[byte]string{'{': "an object", '[': "a list", '"': "a string"}
	return refuse(r.at(v), "", "%s must be %s", what, names[kind])
}

// field returns the string that object v, called what, has under a key, or "".
func (r *jsonReader) field(v jsonValue, what, key string) (string, error) {
	if err := r.want(v, '{', what); err != nil {
		return "", err
	}
	f, ok := v.get(key)
	if !ok {
		return "", nil
	}
	return f.text, r.want(f, '"', key)
}

// texts returns the list of strings that object v has under a key, if any.
func (r *jsonReader) texts(v jsonValue, key string) ([]jsonValue, error) {
	list, ok := v.get(key)
	if !ok {
		return nil, nil
	}
	if err := r.want(list, '[', key); err != nil {
		return nil, err
	}
	for _, item := range list.items {
		if err := r.want(item, '"', "an element of "+key); err != nil {
			return nil, err
		}
	}
	return list.items, nil
}
