package cmd

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	rekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/thamos/thamos/kb/kbtest"
	"github.com/thamos/thamos/kb/py"
)

// An attestedFile is a file that an index serves, with its provenance object.
type attestedFile struct {
	name, digest, provenance string
}

// attestingIndex is an index that serves files of one project and, as the index
// of all does, their provenance objects at the URLs that its listing names.
func attestingIndex(t testing.TB, project string, files ...attestedFile) string {
	t.Helper()
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Trim(r.URL.Path, "/") == "simple/"+project {
			list := []any{}
			for _, f := range files {
				e := map[string]any{"filename": f.name, "url": server.URL + "/files/" + f.name, "hashes": map[string]string{"sha256": f.digest}, "upload-time": "2024-12-04T23:13:00Z", "provenance": nil}
				if f.provenance != "" {
					e["provenance"] = fmt.Sprintf("%s/integrity/%s/%s/provenance", server.URL, project, f.name)
				}
				list = append(list, e)
			}
			w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
			_ = json.NewEncoder(w).Encode(map[string]any{"meta": map[string]string{"api-version": "1.3"}, "name": project, "files": list})
			return
		}
		for _, f := range files {
			if f.provenance != "" && r.URL.Path == "/integrity/"+project+"/"+f.name+"/provenance" {
				w.Header().Set("Content-Type", "application/vnd.pypi.integrity.v1+json")
				_, _ = w.Write([]byte(f.provenance))
				return
			}
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/simple"
}

// checkOnline checks a lock against an index and returns the document.
func checkOnline(t *testing.T, index string, files map[string]string, args ...string) (checkedJSON, int) {
	t.Helper()
	env, stdout, stderr := testEnv(t, files)
	getenv := env.Getenv
	env.Getenv = func(key string) string {
		if key == "PIP_INDEX_URL" {
			return index
		}
		return getenv(key)
	}
	exit := Main(context.Background(), env, append([]string{"provenance-check", "requirements.txt", "--online", "--json"}, args...))
	var d provenanceDocument
	if err := json.Unmarshal(stdout.Bytes(), &d); err != nil {
		t.Fatalf("%v\n%s%s", err, stdout, stderr)
	}
	return d.Checked[0], exit
}

// provenanceOf is a provenance object of attestations of one publisher.
func provenanceOf(publisher string, attestations ...string) string {
	return `{"version":1,"attestation_bundles":[{"publisher":` + publisher + `,"attestations":[` + strings.Join(attestations, ",") + `]}]}`
}

// TestConformanceProvenanceAttestations checks locks against an index that
// serves the provenance objects of the third-party data, and ones that were
// tampered with.
func TestConformanceProvenanceAttestations(t *testing.T) {
	others := kbtest.Glob(t, "attestations/*.attestation")
	for _, path := range kbtest.Glob(t, "attestations/*.provenance") {
		file := strings.TrimSuffix(path, ".provenance")
		if _, err := os.Stat(file); err == nil {
			t.Run(filepath.Base(file), func(t *testing.T) { checkAttested(t, file, others) })
		}
	}
}

// checkAttested locks a file that is there with its provenance object, as
// published and tampered with.
func checkAttested(t *testing.T, file string, others []string) {
	read := func(path string) string {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	real, base := read(file+".provenance"), filepath.Base(file)
	var p struct {
		Bundles []struct {
			Publisher    json.RawMessage
			Attestations []json.RawMessage
		} `json:"attestation_bundles"`
	}
	if err := json.Unmarshal([]byte(real), &p); err != nil {
		t.Fatal(err)
	}
	published := 0
	for _, b := range p.Bundles {
		published += len(b.Attestations)
	}
	publisher, first := string(p.Bundles[0].Publisher), string(p.Bundles[0].Attestations[0])
	var who struct{ Kind, Repository string }
	if err := json.Unmarshal(p.Bundles[0].Publisher, &who); err != nil {
		t.Fatal(err)
	}
	kind := strings.ToLower(who.Kind)
	var same, foreign []string // attestations that lie beside it, of the same file and of others
	for _, path := range others {
		if strings.HasPrefix(path, file+".") {
			same = append(same, read(path))
		} else {
			foreign = append(foreign, read(path))
		}
	}
	var inner struct{ Envelope struct{ Signature string } }
	if err := json.Unmarshal([]byte(first), &inner); err != nil {
		t.Fatal(err)
	}
	signature := []byte(inner.Envelope.Signature)
	if signature[20]++; signature[20] == 'Z'+1 || signature[20] == 'z'+1 || signature[20] == '9'+1 || signature[20] < '0' {
		signature[20] = 'A' // the next in ASCII would be no base64
	}
	changed := strings.Replace(first, inner.Envelope.Signature, string(signature), 1)

	parsed, err := py.ParseSdistName(base)
	if err != nil {
		wheel, err := py.ParseWheelName(base)
		if err != nil {
			t.Fatal(err)
		}
		parsed = py.Package{Name: wheel.Name, Version: wheel.Version}
	}
	content := sha256.Sum256([]byte(read(file)))
	sum := hex.EncodeToString(content[:])
	lock := map[string]string{"requirements.txt": fmt.Sprintf("%s==%s --hash=sha256:%s\n", parsed.Name, parsed.Version, sum)}
	expect := func(publisher string) map[string]string {
		return map[string]string{"requirements.txt": lock["requirements.txt"], "thamos.toml": fmt.Sprintf("[[provenance.project]]\nname = %q\npublisher = %q\n", parsed.Name, publisher)}
	}
	type trial struct {
		name, provenance string
		files            map[string]string
		verified         int
		want             string // a check; empty for none
	}
	tests := []trial{
		{"as published", real, lock, published, ""},
		{"as expected", real, expect(kind + ":" + who.Repository), published, ""},
		{"another is expected", real, expect(kind + ":evil-" + who.Repository), published, "publisher-unexpected"},
		{"another publisher is claimed", provenanceOf(strings.Replace(publisher, who.Repository, "evil-"+who.Repository, 1), first), lock, 0, "attestation-invalid"},
		{"signature changed", provenanceOf(publisher, changed), lock, 0, "attestation-invalid"},
		{"one of two does not hold", provenanceOf(publisher, first, strings.Replace(first, `"version":1`, `"version":2`, 1)), lock, 0, "attestation-invalid"},
	}
	if len(same) > 1 {
		tests = append(tests, trial{"with SLSA", provenanceOf(publisher, same...), lock, len(same), ""})
	}
	if len(foreign) > 0 {
		tests = append(tests, trial{"of another file", provenanceOf(publisher, foreign[0]), lock, 0, "attestation-invalid"})
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			index := attestingIndex(t, string(parsed.Name), attestedFile{base, sum, test.provenance})
			c, exit := checkOnline(t, index, test.files)
			got := ""
			for _, f := range c.Findings {
				got += f.Check
			}
			if got != test.want || c.Counts.Attestations != test.verified || (exit == exitOK) != (test.want == "") {
				t.Errorf("exit status %d, %d verified, %+v", exit, c.Counts.Attestations, c.Findings)
			}
		})
	}
}

// An instance is a Sigstore of one's own, for tests.
type instance struct{ *ca.VirtualSigstore }

// attest makes an attestation of a file by who has an e-mail address.
func (i instance) attest(t *testing.T, email, file, digest string) string {
	t.Helper()
	statement := `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"` + file + `","digest":{"sha256":"` + digest + `"}}],"predicateType":"https://docs.pypi.org/attestations/publish/v1","predicate":null}`
	e, err := i.AttestAtTime(email, "https://accounts.google.com", []byte(statement), time.Now().Add(5*time.Minute), true)
	if err != nil {
		t.Fatal(err)
	}
	content, err := e.VerificationContent()
	if err != nil {
		t.Fatal(err)
	}
	signed, err := e.SignatureContent()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := e.TlogEntries()
	if err != nil {
		t.Fatal(err)
	}
	logged := entries[0].TransparencyLogEntry()
	// What the library leaves out.
	logged.KindVersion = &rekor.KindVersion{Kind: "dsse", Version: "0.0.1"}
	promise, err := i.RekorSignPayload(tlog.RekorPayload{
		Body: base64.StdEncoding.EncodeToString(logged.CanonicalizedBody), IntegratedTime: logged.IntegratedTime,
		LogIndex: logged.LogIndex, LogID: hex.EncodeToString(logged.LogId.KeyId),
	})
	if err != nil {
		t.Fatal(err)
	}
	logged.InclusionPromise = &rekor.InclusionPromise{SignedEntryTimestamp: promise}
	entry, err := protojson.Marshal(logged)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]any{
		"version":               1,
		"verification_material": map[string]any{"certificate": content.Certificate().Raw, "transparency_entries": []json.RawMessage{entry}},
		"envelope":              map[string]any{"statement": []byte(statement), "signature": signed.Signature()},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestProvenanceOwnRoot checks against the trusted root of an instance of one's
// own, which the public root does not trust: a project whose second release was
// published by somebody else.
func TestProvenanceOwnRoot(t *testing.T) {
	sigstore, err := ca.NewVirtualSigstore()
	if err != nil {
		t.Fatal(err)
	}
	own := instance{sigstore}
	logs := own.RekorLogs()
	for id, log := range logs {
		if log.ID, err = hex.DecodeString(id); err != nil { // the library has it as text
			t.Fatal(err)
		}
	}
	trusted, err := root.NewTrustedRoot(root.TrustedRootMediaType01, own.FulcioCertificateAuthorities(), nil, nil, logs)
	if err != nil {
		t.Fatal(err)
	}
	rootJSON, err := trusted.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	// A root with the same authority, older than the log.
	other, err := ca.NewVirtualSigstore()
	if err != nil {
		t.Fatal(err)
	}
	old, err := root.NewTrustedRoot(root.TrustedRootMediaType01, own.FulcioCertificateAuthorities(), nil, nil, other.RekorLogs())
	if err != nil {
		t.Fatal(err)
	}
	oldJSON, err := old.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	by := func(email, version string) attestedFile {
		name, digest := "acme-"+version+".tar.gz", strings.Repeat("0"+version[:1], 32)
		return attestedFile{name, digest, provenanceOf(`{"kind":"Google","email":"`+email+`"}`, own.attest(t, email, name, digest))}
	}
	files := map[string]string{"requirements.txt": "acme==2.0 --hash=sha256:" + strings.Repeat("02", 32) + "\n", "root.json": string(rootJSON), "old.json": string(oldJSON)}
	for _, test := range []struct {
		name  string
		first string
		args  []string
		want  string
	}{
		{"the same", "a@acme.example", []string{"--trusted-root", "root.json"}, ""},
		{"another", "b@acme.example", []string{"--trusted-root", "root.json"}, "publisher-changed"},
		{"not trusted", "a@acme.example", nil, "attestation-invalid"},
		{"root is old", "a@acme.example", []string{"--trusted-root", "old.json"}, "attestation-unverified"},
	} {
		t.Run(test.name, func(t *testing.T) {
			index := attestingIndex(t, "acme", by(test.first, "1.0"), by("a@acme.example", "2.0"))
			c, exit := checkOnline(t, index, files, append(test.args, "--fail-on", "warning")...)
			got := ""
			for _, f := range c.Findings {
				got += f.Check
			}
			if got != test.want || (exit == exitOK) != (test.want == "") {
				t.Errorf("exit status %d, %+v %+v", exit, c.Findings, c.Unchecked)
			}
		})
	}
}
