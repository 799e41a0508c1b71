package sigstore

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

const (
	aFile = "a-1.0.tar.gz"
	aSum  = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
)

func TestAbout(t *testing.T) {
	const subject = `{"name":"a-1.0.tar.gz","digest":{"sha256":"` + aSum + `"}}`
	statement := func(kind, subjects, predicate string) string {
		return fmt.Sprintf(`{"_type":%q,"subject":[%s],"predicateType":%q}`, kind, subjects, predicate)
	}
	const v1 = "https://in-toto.io/Statement/v1"
	for _, test := range []struct{ text, want string }{
		{statement(v1, subject, predicates[0]), ""},
		{statement(v1, subject, predicates[1]), ""},
		{statement(v1, strings.Replace(subject, "a-1.0", "A-1.0.0", 1), predicates[0]), ""},
		{statement(v1, subject+","+subject, predicates[0]), "about 2 files"},
		{statement(v1, "", predicates[0]), "about 0 files"},
		{statement(v1, strings.Replace(subject, "a-1.0", "b-1.0", 1), predicates[0]), "is about"},
		{statement(v1, strings.Replace(subject, ".tar.gz", ".zip", 1), predicates[0]), "is about"},
		{statement(v1, strings.Replace(subject, "0011", "1100", 1), predicates[0]), "sha256"},
		{statement(v1, strings.Replace(subject, "sha256", "sha512", 1), predicates[0]), "sha256"},
		{statement(v1, subject, "https://example.com/other/v1"), "says nothing that is known"},
		{statement("https://in-toto.io/Statement/v0.1", subject, predicates[0]), "of the type"},
		{"nonsense", "the statement"},
	} {
		err := about([]byte(test.text), aFile, aSum)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.text, err, test.want)
		}
	}
}

func TestReadAttestation(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	good := fmt.Sprintf(`{"version":1,"verification_material":{"certificate":%q,"transparency_entries":[{}]},"envelope":{"statement":%q,"signature":%q}}`, b64("c"), b64("s"), b64("g"))
	if _, err := readAttestation([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ old, new, want string }{
		{`"version":1`, `"version":2`, "version 1"},
		{`"version":1,`, ``, "2 keys where 3"},
		{`"version":1`, `"Version":1`, "unknown key"},
		{`"version":1`, `"version":1,"more":1`, "unknown field"},
		{`"certificate"`, `"Certificate"`, "unknown key"},
		{`"signature"`, `"signAture"`, "unknown key"},
		{`[{}]`, `[]`, "0 entries"},
		{`[{}]`, `[` + strings.Repeat("{},", maxEntries) + `{}]`, "17 entries"},
		{b64("c"), "Yx==", "certificate is not base64"}, // a stray bit
		{b64("c"), "", "certificate is not base64"},
		{`}}`, `}}{}`, "text after its end"},
		{`{"version"`, `["version"`, "attestation"},
	} {
		text := strings.Replace(good, test.old, test.new, 1)
		if text == good {
			t.Fatalf("%s is not in it", test.old)
		}
		if _, err := readAttestation([]byte(text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", text, err, test.want)
		}
	}
	if _, err := readAttestation(make([]byte, maxAttestation+1)); err == nil {
		t.Error("an attestation of any size is read")
	}
}

func TestConsistent(t *testing.T) {
	body := base64.StdEncoding.EncodeToString([]byte(`{"apiVersion":"0.0.1","kind":"dsse"}`))
	good := `{"kindVersion":{"kind":"dsse","version":"0.0.1"},"canonicalizedBody":"` + body + `","inclusionProof":{"checkpoint":{"envelope":"log.example - 1\n2\nx\n\n— log.example c2ln\n"}}}`
	if err := consistent([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{`"kind":"dsse"`, `"kind":"dss"`}, {`"0.0.1"},`, `"0.0.2"},`}, {"— log.example", "— log.exampl"}, {"log.example - 1", "log.other - 1"},
		{`\n\n—`, `\n—`}, {body, "!"}, {body, ""}, {`{"kindVersion"`, `{`},
	} {
		if consistent([]byte(strings.Replace(good, change[0], change[1], 1))) == nil {
			t.Errorf("%q for %q makes no difference", change[1], change[0])
		}
	}
}

func TestNew(t *testing.T) {
	for _, bad := range []string{"", "{}", "[]", `{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`, strings.Repeat(" ", maxRoot+1)} {
		if _, err := New([]byte(bad)); err == nil {
			t.Errorf("%.100q is a trusted root", bad)
		}
	}
}

// FuzzVerify: whatever an index serves, it does not verify, and nothing panics.
func FuzzVerify(f *testing.F) {
	v, err := New(Root())
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"version":1,"verification_material":{"certificate":"Yw==","transparency_entries":[{"kindVersion":{"kind":"dsse","version":"0.0.1"},"canonicalizedBody":"e30="}]},"envelope":{"statement":"e30=","signature":"Zw=="}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, err := v.Verify(text, aFile, aSum); err == nil {
			t.Fatalf("%s verifies, by %+v", text, s)
		}
	})
}
