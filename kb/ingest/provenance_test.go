package ingest

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/thamos/thamos/kb"
)

// TestSurvey asks an index for projects with the provenance of their files.
func TestSurvey(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := func(media, text string) {
			w.Header().Set("Content-Type", media)
			_, _ = w.Write([]byte(text))
		}
		const json = "application/vnd.pypi.simple.v1+json"
		switch r.URL.Path {
		case "/simple/a/":
			page(json, `{"meta":{"api-version":"1.3"},"name":"a","files":[
				{"filename":"a-1.tar.gz","url":"a-1.tar.gz","hashes":{},"provenance":"/integrity/a"},
				{"filename":"a-2.tar.gz","url":"a-2.tar.gz","hashes":{},"provenance":null},
				{"filename":"a-3.tar.gz","url":"a-3.tar.gz","hashes":{}},
				{"filename":"a-4.tar.gz","url":"a-4.tar.gz","hashes":{},"provenance":7},
				{"filename":"a-5.tar.gz","url":"a-5.tar.gz","hashes":{},"provenance":"ftp://u:p@x.example/a"},
				{"filename":"a-6.tar.gz","url":"a-6.tar.gz","hashes":{},"provenance":"https://u:p@x.example/a"}]}`)
		case "/simple/html/":
			page("text/html", `<a href="html-1.tar.gz">html-1.tar.gz</a>`)
		case "/simple/broken/":
			page(json, `{`)
		case "/integrity/a":
			page("application/json", `{"version":1}`)
		case "/integrity/large":
			page("application/json", strings.Repeat(" ", maxProvenance+1))
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	now := func() time.Time { return day }
	x, err := NewIndexes([]IndexSpec{{URL: server.URL + "/simple"}}, nil, nil, ClientOptions{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	ctx, origin := context.Background(), Origin(server.URL+"/simple")
	s, err := x.Survey(ctx, origin, "a", now)
	if err != nil || s.Document.Kind != kb.KindListing || len(s.Document.Listing.Files) != 6 || s.Document.Read != day.Unix() || s.Document.Fresh <= day.Unix() {
		t.Fatalf("%+v, %v", s, err)
	}
	if len(s.Provenance) != 2 || s.Provenance["a-1.tar.gz"] != server.URL+"/integrity/a" || s.Provenance["a-6.tar.gz"] != "https://x.example/a" {
		t.Errorf("%v", s.Provenance)
	}
	if s, err := x.Survey(ctx, origin, "html", now); err != nil || s.Provenance != nil || len(s.Document.Listing.Files) != 1 {
		t.Errorf("HTML: %+v, %v", s, err)
	}
	if s, err := x.Survey(ctx, origin, "none", now); err != nil || s.Document.Kind != kb.KindAbsent {
		t.Errorf("absent: %+v, %v", s, err)
	}
	if _, err := x.Survey(ctx, origin, "broken", now); err == nil {
		t.Error("a broken page is read")
	}
	if _, err := x.Survey(ctx, "https://other.example", "a", now); err == nil {
		t.Error("an index that is none is asked")
	}
	if text, err := x.Provenance(ctx, origin, s.Provenance["a-1.tar.gz"]); err != nil || string(text) != `{"version":1}` {
		t.Errorf("%s, %v", text, err)
	}
	if _, err := x.Provenance(ctx, origin, server.URL+"/integrity/none"); !errors.Is(err, ErrAbsent) {
		t.Errorf("got %v", err)
	}
	if _, err := x.Provenance(ctx, origin, server.URL+"/integrity/large"); err == nil {
		t.Error("an object of any size is read")
	}
	secure, err := NewIndexes([]IndexSpec{{URL: "https://index.example/simple"}}, nil, nil, ClientOptions{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := secure.Provenance(ctx, "https://index.example/simple", server.URL+"/integrity/a"); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("an index on https sends us to http: %v", err)
	}
}
