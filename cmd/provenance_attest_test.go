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

// TestConformanceProvenanceAttestations checks a lock against an index that
// serves real attestations, and ones that were tampered with.
func TestConformanceProvenanceAttestations(t *testing.T) {
	read := func(name string) string {
		data, err := os.ReadFile(sharedData(t, filepath.Join("attestations", name)))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	digest := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return hex.EncodeToString(sum[:])
	}
	const file = "pypi_attestations-0.0.19.tar.gz"
	real, sum := read(file+".provenance"), digest(read(file))
	publish, slsa := read(file+".publish.attestation"), read(file+".slsa.attestation")
	const github = `{"kind":"GitHub","repository":"trailofbits/pypi-attestations","workflow":"release.yml","environment":null}`
	lock := map[string]string{"requirements.txt": "pypi-attestations==0.0.19 --hash=sha256:" + sum + "\n"}
	expect := func(publisher string) map[string]string {
		return map[string]string{"requirements.txt": lock["requirements.txt"], "thamos.toml": "[[provenance.project]]\nname = \"pypi-attestations\"\npublisher = \"" + publisher + "\"\n"}
	}
	for _, test := range []struct {
		name, provenance string
		files            map[string]string
		verified         int
		want             string // a check; empty for none
	}{
		{"as published", real, lock, 1, ""},
		{"with SLSA", provenanceOf(github, publish, slsa), lock, 2, ""},
		{"as expected", real, expect("github:trailofbits/pypi-attestations/release.yml"), 1, ""},
		{"another is expected", real, expect("github:pypa/pypi-attestations"), 1, "publisher-unexpected"},
		{"another publisher is claimed", provenanceOf(strings.Replace(github, "trailofbits", "evil", 1), publish), lock, 0, "attestation-invalid"},
		{"of another file", provenanceOf(github, read("pypi_attestation_models-0.0.4a2.tar.gz.attestation")), lock, 0, "attestation-invalid"},
		{"signature changed", strings.Replace(real, `"signature":"MEYCIQC+`, `"signature":"MEYCIQD+`, 1), lock, 0, "attestation-invalid"},
		{"one of two does not hold", provenanceOf(github, publish, strings.Replace(slsa, `"version":1`, `"version":2`, 1)), lock, 0, "attestation-invalid"},
	} {
		t.Run(test.name, func(t *testing.T) {
			index := attestingIndex(t, "pypi-attestations", attestedFile{file, sum, test.provenance})
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
