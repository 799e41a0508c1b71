package prescription

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	. "github.com/thamos/thamos/pipeline/pipelinetest"
)

// indexed are facts whose rules are found as a knowledge base finds them.
type indexed struct {
	*Facts
	rules map[string][]py.Rule // by kind and project
}

func (f indexed) Rules(_ context.Context, kind pipeline.Kind, names []py.Name) ([]py.Rule, error) {
	var out []py.Rule
	for _, n := range slices.Concat([]py.Name{""}, names) {
		out = append(out, f.rules[string(kind)+" "+string(n)]...)
	}
	slices.SortStableFunc(out, func(a, b py.Rule) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// tensorflowStack is what flask and tensorflow come to.
var tensorflowStack = strings.Fields(`absl-py==2.0.0 astunparse==1.6.3 blinker==1.7.0 cachetools==5.3.2 certifi==2023.11.17
	charset-normalizer==3.3.2 click==8.1.7 flask==3.0.0 flatbuffers==23.5.26 gast==0.5.4 google-auth==2.25.2 google-auth-oauthlib==1.2.0
	google-pasta==0.2.0 grpcio==1.60.0 h5py==3.10.0 idna==3.6 itsdangerous==2.1.2 jinja2==3.1.2 keras==2.15.0 libclang==16.0.6
	markdown==3.5.1 markupsafe==2.1.3 ml-dtypes==0.2.0 numpy==1.26.2 oauthlib==3.2.2 opt-einsum==3.3.0 packaging==23.2 protobuf==4.23.4
	pyasn1==0.5.1 pyasn1-modules==0.3.0 requests==2.31.0 requests-oauthlib==1.3.1 rsa==4.9 setuptools==69.0.3 six==1.16.0
	tensorboard==2.15.1 tensorboard-data-server==0.7.2 tensorflow==2.15.0 tensorflow-estimator==2.15.0 tensorflow-io-gcs-filesystem==0.34.0
	termcolor==2.4.0 typing-extensions==4.9.0 urllib3==2.1.0 werkzeug==3.0.1 wheel==0.42.0 wrapt==1.14.1`)

// BenchmarkConformanceRun is what a whole corpus costs a run for flask and
// tensorflow, beside reading the rules of its 46 projects from the disk.
func BenchmarkConformanceRun(b *testing.B) {
	for name, set := range loaded(b) {
		facts := indexed{&Facts{IndexOf: map[py.Name]string{}}, map[string][]py.Rule{}}
		for _, r := range set.Rules {
			key := r.Kind + " " + string(r.Project)
			facts.rules[key] = append(facts.rules[key], r)
		}
		var lines []string
		for _, p := range tensorflowStack {
			line := strings.Replace(p, "==", " ", 1)
			for i := range 50 { // older releases
				line += fmt.Sprintf(" 0.%d", 50-i)
			}
			lines = append(lines, line)
		}
		candidates, stack := Candidates(lines...), Stack(tensorflowStack...)
		for _, c := range candidates {
			facts.Known = append(facts.Known, c.Project)
		}
		plan := Plan(b, facts.Facts)
		plan.Facts = facts
		for _, part := range []struct {
			name string
			run  func() (int, error)
		}{
			{"boots", func() (int, error) { x, err := boots(b.Context(), plan); return len(x.Notes), err }},
			{"pseudonyms", func() (int, error) { x, err := pseudonyms(b.Context(), plan, facts.Known); return len(x), err }},
			{"sieves", func() (int, error) { x, err := sieves(b.Context(), plan, facts.Known); return len(x), err }},
			{"steps", func() (int, error) { x, err := steps(b.Context(), plan, candidates); return len(x), err }},
			{"strides", func() (int, error) { _, err := strides(b.Context(), plan, stack); return 0, err }},
			{"wraps", func() (int, error) { x, err := wraps(b.Context(), plan, stack); return len(x.Notes), err }},
		} {
			b.Run(name+"/"+part.name, func(b *testing.B) {
				n, err := 0, error(nil)
				for b.Loop() {
					if n, err = part.run(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(n), "results")
			})
		}
	}
}
