package sync

import (
	"bytes"
	"fmt"
	"time"
)

// statementSchema begins what is signed of a snapshot that goes by itself.
const statementSchema = "thamos/kb-file/1"

// A statement is what the signature beside a base says of it, so that the one
// file can be carried and checked without latest.json.
type statement struct {
	stream         string
	serial         int64
	published      time.Time
	digest         string // of the content
	sha256         string // of the packed file
	size, unpacked int64
}

func statementOf(l Latest) statement {
	return statement{l.Stream, l.Serial, l.Published, l.Digest, l.Base.SHA256, l.Base.Size, l.Base.Unpacked}
}

// encode writes one line for each thing that is said.
func (s statement) encode() []byte {
	return fmt.Appendf(nil, "%s\nstream %s\nserial %d\npublished %s\ndigest %s\nsha256 %s\nsize %d\nunpacked %d\n",
		statementSchema, s.stream, s.serial, s.published.UTC().Format(time.RFC3339), s.digest, s.sha256, s.size, s.unpacked)
}

// decodeStatement reads what encode wrote, and only that.
func decodeStatement(text []byte) (statement, error) {
	var s statement
	var published string
	_, err := fmt.Fscanf(bytes.NewReader(text), statementSchema+"\nstream %s\nserial %d\npublished %s\ndigest %s\nsha256 %s\nsize %d\nunpacked %d\n",
		&s.stream, &s.serial, &published, &s.digest, &s.sha256, &s.size, &s.unpacked)
	if err == nil {
		s.published, err = time.Parse(time.RFC3339, published)
	}
	if err != nil || !bytes.Equal(s.encode(), text) {
		return statement{}, fmt.Errorf("what is signed is no %s", statementSchema)
	}
	if !hexSHA256().MatchString(s.digest) || s.serial <= 0 || s.size <= 0 || s.size > maxBase || s.unpacked <= 0 || s.unpacked > maxUnpacked {
		return statement{}, fmt.Errorf("what is signed of it makes no sense: serial %d, %d bytes, unpacked %d", s.serial, s.size, s.unpacked)
	}
	return s, nil
}

// split cuts a signature file into what is signed and the signatures.
func splitSigned(text []byte) (signed, signatures []byte, ok bool) {
	at := bytes.LastIndex(text, []byte("\n\n"))
	if at < 0 {
		return nil, nil, false
	}
	return text[:at+1], text[at+2:], true
}
