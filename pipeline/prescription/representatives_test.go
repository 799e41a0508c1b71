package prescription

import (
	"io/fs"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/pipeline"
	. "github.com/thamos/thamos/pipeline/pipelinetest"
)

// table names the recommendation type.
func table(name string) func(*pipeline.Plan) {
	return func(p *pipeline.Plan) { p.Table.Name = name }
}

// all does one after the other.
func all(fs ...func(*pipeline.Plan)) func(*pipeline.Plan) {
	return func(p *pipeline.Plan) {
		for _, f := range fs {
			f(p)
		}
	}
}

func cuda(cuda, cudnn string) func(*pipeline.Plan) {
	return func(p *pipeline.Plan) { p.Host.CUDA, p.Host.CuDNN = cuda, cudnn }
}

func cpu(flags ...string) func(*pipeline.Plan) {
	return func(p *pipeline.Plan) { p.Host.CPUFlags, p.Host.CPUFamily, p.Host.CPUModel = flags, 6, 85 }
}

func label(key, value string) func(*pipeline.Plan) {
	return func(p *pipeline.Plan) { p.Labels[key] = value }
}

func python(v string) func(*pipeline.Plan) {
	return func(p *pipeline.Plan) {
		e := *p.Problem.Environment
		e.Python = Version(v)
		p.Problem.Environment = &e
	}
}

// TestConformanceRepresentatives: what the representative files do where they
// apply, as documented and as Thoth did it, and that they do nothing elsewhere.
func TestConformanceRepresentatives(t *testing.T) {
	same := []string{"the same"}
	nothing := []string(nil)
	tests := []struct {
		file          string
		fires         trial
		fixed, strict []string
		quiet         trial
	}{
		{"ji_/jinja2/flask_100.yaml", trial{candidates: []string{"!jinja2 3.1 3.0.0 2.11", "!flask 2.0 1.0"}},
			nothing, []string{"veto jinja2[3.1 3.0.0] flask[2.0]"}, trial{candidates: []string{"jinja2 2.11", "flask 2.0"}}},
		{"te_/tensorflow/tf_cuda_cudnnn.yaml", trial{stack: []string{"tensorflow==2.5.0"}, plan: cuda("11.2", "8.0.5")},
			[]string{"wrap: 1 notes, 0 changes"}, []string{"wrap: 3 notes, 0 changes"}, trial{stack: []string{"tensorflow==2.5.0"}, plan: cuda("11.2.152", "8.1.0")}},
		{"te_/tensorflow/tf_gpu.yaml", trial{candidates: []string{"tensorflow 2.1 2.0", "tensorflow-gpu 2.1 1.0", "tensorflow-cpu 1.0"}, plan: cuda("11.2", "8.1")},
			[]string{"tensorflow 2.1: tensorflow-gpu==2.1 stands in", "tensorflow-cpu 1.0: tensorflow-gpu==1.0 stands in"}, same,
			trial{candidates: []string{"tensorflow 2.1", "tensorflow-gpu 2.1"}, plan: cuda("11.2", "")}},
		{"te_/tensorflow/tf_rm_scipy.yaml", trial{candidates: []string{"tensorflow 2.4 2.3 2.2 2.1", "scipy 1.4"}, stack: []string{"tensorflow==2.2"}},
			[]string{"tensorflow[2.3 2.2] without scipy", "wrap: 1 notes, 0 changes"}, same, trial{candidates: []string{"tensorflow 2.4", "scipy 1.4"}}},
		{"te_/tensorflow/tf_26_keras27.yaml", trial{candidates: []string{"!keras 2.8 2.7.0 2.6", "!tensorflow 2.7 2.6.2 2.6.0", "!tensorflow-cpu 2.6.1"}},
			[]string{"veto keras[2.8 2.7.0] tensorflow[2.6.2 2.6.0]", "veto keras[2.8 2.7.0] tensorflow-cpu[2.6.1]"}, same,
			trial{candidates: []string{"keras 2.6", "tensorflow 2.6.0"}}},
		{"pi_/pillow/pillow830_typeerror.yaml", trial{candidates: []string{"!pillow 8.3.1 8.3.0", "!numpy 1.21 1.20"}},
			[]string{"veto pillow[8.3.0] numpy[1.21 1.20]"}, same, trial{candidates: []string{"pillow 8.3.0"}}},
		{"te_/tensorflow/tf_21_h5py.yaml", trial{candidates: []string{"!h5py 3.1 2.10", "!tensorflow 2.2 2.1.4 2.1.0"}},
			[]string{"veto h5py[3.1] tensorflow[2.1.4 2.1.0]"}, same, trial{candidates: []string{"h5py 3.1", "tensorflow 2.1.0"}, plan: table("latest")}},
		{"sp_/sparsify/tf.yaml", trial{candidates: []string{"!sparsify 0.7.0", "!tensorflow 1.15"}, stack: []string{"sparsify==0.7.0", "tensorflow==1.15"}},
			[]string{"wrap: 2 notes, 0 changes"}, same, trial{stack: []string{"sparsify==0.7.0", "tensorflow==2.0"}}},
		{"nu_/numpy/np_support.yaml", trial{candidates: []string{"numpy 1.19 1.18 1.17"}, stack: []string{"numpy==1.17"}},
			[]string{"score -0.1 numpy[1.18 1.17]", "wrap: 2 notes, 0 changes"}, same, trial{candidates: []string{"numpy 1.19"}, stack: []string{"numpy==1.19"}}},
		{"_aicoe/tf_avx2.yaml", trial{candidates: []string{"tensorflow 2.0"}, plan: cpu("avx2")},
			nothing, nothing, trial{candidates: []string{"tensorflow 2.0"}, plan: cpu()}},
		{"_aicoe/index.yaml", trial{candidates: []string{"a 2.0"}},
			nothing, []string{"score 0.1 a[2.0]"}, trial{candidates: []string{"a 2.0"}, excluded: true}},
		{"_indexes/pytorch_cpu.yaml", trial{candidates: []string{"torch 2.0"}, plan: label("pytorch-cpu-index", "solely")},
			nothing, nothing, trial{candidates: []string{"torch 2.0"}}},
		{"to_/torch/cpu_index.yaml", trial{candidates: []string{"torch 2.0 1.0"}, stack: []string{"torch==2.0"}},
			[]string{"score -0.1 torch[2.0 1.0]", "wrap: 1 notes, 0 changes"}, same, trial{candidates: []string{"torch 2.0"}, excluded: true}},
		{"en_/enum34/backport.yaml", trial{candidates: []string{"enum34 1.1"}, plan: python("3.9.1")},
			nothing, []string{"enum34 is left out"}, trial{candidates: []string{"enum34 1.1"}}},
		{"gi_/gitpython/rpm.yaml", trial{candidates: []string{"gitpython 3.1 3.0"}, plan: func(p *pipeline.Plan) { p.Host.RPMs = []py.HostRPM{{Name: "bash"}} }},
			[]string{"drops gitpython[3.1 3.0]"}, same,
			trial{candidates: []string{"gitpython 3.1"}, plan: func(p *pipeline.Plan) { p.Host.RPMs = []py.HostRPM{{Name: "git"}} }}},
		{"te_/tensorflow/tf_24_avx2.yaml", trial{candidates: []string{"tensorflow 2.4.1 2.4.0"}, plan: cpu("avx2")},
			nothing, []string{"drops tensorflow[2.4.0]"}, trial{candidates: []string{"tensorflow 2.4.1"}, plan: cpu()}},
		{"te_/tensorflow/tf_cuda.yaml", trial{candidates: []string{"tensorflow 2.1 2.0.0", "tensorflow-gpu 1.5 1.0"}, plan: cuda("10.0", "")},
			nothing, nothing, trial{}},
		{"_containers/ps_nlp/recommendations.yaml", trial{candidates: []string{"!nltk 3.6"}},
			[]string{"boot: 1 notes, refused false"}, same, trial{candidates: []string{"!nltk 3.6"}, image: "v0.1"}},
		{"_generic/gpu_no_cuda.yaml", trial{plan: func(p *pipeline.Plan) { p.Host.GPUs = []string{"A100"} }},
			[]string{"boot: 1 notes, refused false"}, same, trial{}},
		{"_generic/authenticated.yaml", trial{}, nothing, nothing, trial{}},
		{"in_/intel-tensorflow/info.yaml", trial{stack: []string{"tensorflow==2.0"}, plan: func(p *pipeline.Plan) { p.Host.CPUFamily, p.Host.CPUModel = 13, 6 }},
			[]string{"wrap: 1 notes, 0 changes"}, nothing, trial{stack: []string{"tensorflow==2.0"}, plan: cpu()}},
		{"in_/intel-tensorflow/omp_num_threads.yaml", trial{stack: []string{"intel-tensorflow==2.0"}},
			[]string{"wrap: 2 notes, 1 changes"}, same, trial{stack: []string{"tensorflow==2.0"}}},
		{"de_/defusedxml/xml_recommend.yaml", trial{plan: func(p *pipeline.Plan) { p.Usage = map[string][]string{"xml": {"xml.dom"}} }},
			[]string{"wrap: 1 notes, 0 changes"}, same, trial{plan: func(p *pipeline.Plan) { p.Usage = map[string][]string{"json": {"json.loads"}} }}},
		{"ra_/ray/gh_release_notes.yaml", trial{stack: []string{"ray==1.0"}}, []string{"wrap: 1 notes, 0 changes"}, same, trial{stack: []string{"flask==1.0"}}},
		{"fl_/flask/gh_release_notes.yaml", trial{stack: []string{"flask==1.0"}}, []string{"wrap: 1 notes, 0 changes"}, same, trial{}},
		{"_generic/no_cpu.yaml", trial{}, []string{"boot: 2 notes, refused false"}, same, trial{plan: cpu("avx2")}},
		{"py_/pytest/no_develop.yaml", trial{candidates: []string{"pytest 7.0"}, stack: []string{"pytest==7.0"}},
			[]string{"wrap: 1 notes, 0 changes"}, same, trial{stack: []string{"pytest==7.0"}, plan: func(p *pipeline.Plan) { p.Dev = []py.Name{"pytest"} }}},
		{"te_/tensorflow/tf_no_gpu.yaml", trial{candidates: []string{"!tensorflow-gpu 2.0"}, plan: cuda("11.2", "")},
			[]string{"boot: 1 notes, refused false"}, same, trial{candidates: []string{"!tensorflow-gpu 2.0"}, plan: all(cuda("11.2", ""), func(p *pipeline.Plan) { p.Host.GPUs = []string{"A100"} })}},
		{"fl_/flask/f35_rpm.yaml", trial{stack: []string{"flask==2.0"}, plan: func(p *pipeline.Plan) { p.Host.OS, p.Host.OSVersion = "fedora", "35" }},
			[]string{"wrap: 1 notes, 0 changes"}, same, trial{stack: []string{"flask==2.0"}, plan: func(p *pipeline.Plan) { p.Host.OS, p.Host.OSVersion = "fedora", "36" }}},
		{"_containers/ps_cv_ocr/quay_security.yaml", trial{plan: table("security"), image: "v0.1.1"},
			[]string{"boot: 12 notes, refused true"}, same, trial{plan: table("security"), image: "v9"}},
		{"hg_/hgdistver/pypi_artifact_size.yaml", trial{stack: []string{"hgdistver==0.9"}}, nothing, nothing, trial{}},
		{"_generic/info.yaml", trial{plan: func(p *pipeline.Plan) { p.Monkey, p.Decision = true, "all" }},
			[]string{"boot: 1 notes, refused false"}, same, trial{plan: func(p *pipeline.Plan) { p.Settings.Disable = []string{"UNKNOWN.PrescriptionInfoBoot"} }}},
		{"_containers/quay_security.yaml", trial{plan: func(p *pipeline.Plan) { p.Host.BaseImage = "x" }}, []string{"boot: 1 notes, refused false"}, same, trial{}},
		{"te_/tensorflow/tf_protobuf4210rc1.yaml", trial{candidates: []string{"!tensorflow 2.9", "!protobuf 4.21.0 4.21.0rc1 4.21.0b1"}},
			[]string{"veto tensorflow[2.9] protobuf[4.21.0rc1]"}, same, trial{candidates: []string{"!tensorflow 2.9", "!protobuf 4.21.0"}}},
		{"_python36/no_semantic_interpositioning.yaml", trial{plan: all(python("3.6.8"), func(p *pipeline.Plan) {
			p.Host.OS, p.Host.OSVersion, p.Host.CPUFamily, p.Host.CPUModel = "ubi", "8.2", 10, 6
		})}, []string{"wrap: 1 notes, 0 changes"}, nothing, trial{plan: python("3.6.8")}},
		{"_generic/so_fedora_tags.yaml", trial{plan: func(p *pipeline.Plan) { p.Host.OS, p.Host.OSVersion = "fedora", "41" }},
			[]string{"wrap: 1 notes, 0 changes"}, same, trial{plan: func(p *pipeline.Plan) { p.Host.OS = "debian" }}},
		{"_security_warnings/builtins.yaml", trial{plan: func(p *pipeline.Plan) {
			p.Usage = map[string][]string{"__builtins__": {"__builtins__.eval", "__builtins__.exec"}}
		}}, []string{"wrap: 2 notes, 0 changes"}, []string{"wrap: 1 notes, 0 changes"}, trial{plan: func(p *pipeline.Plan) {
			p.Usage = map[string][]string{"__builtins__": {"__builtins__.len"}}
		}}},
		{"pi_/pillow/cve_warning.yaml", trial{stack: []string{"pillow==9.0"}}, []string{"wrap: 1 notes, 0 changes"}, same, trial{stack: []string{"numpy==1.0"}}},
		{"te_/tensorflow/tf_42475.yaml", trial{stack: []string{"tensorflow-cpu==2.4.0"}, plan: func(p *pipeline.Plan) {
			p.Usage = map[string][]string{"tensorflow": {"tensorflow.keras.layers.Embedding"}}
		}}, []string{"wrap: 1 notes, 0 changes"}, same, trial{stack: []string{"tensorflow-cpu==2.5.0"}, plan: func(p *pipeline.Plan) {
			p.Usage = map[string][]string{"tensorflow": {"tensorflow.keras.layers.Embedding"}}
		}}},
	}
	for name, corpus := range corpora(t) {
		for _, test := range tests {
			t.Run(test.file, func(t *testing.T) {
				dir, err := fs.Sub(corpus, "prescriptions")
				if err != nil {
					t.Fatal(err)
				}
				text, err := fs.ReadFile(dir, test.file)
				if err != nil {
					t.Skipf("%s has no %s", name, test.file)
				}
				set, err := Load(oneFile{test.file, text}.tree())
				if err != nil {
					t.Fatal(err)
				}
				if malformed := test.file == "hg_/hgdistver/pypi_artifact_size.yaml"; malformed != (len(set.Faults) == 1) || len(set.Faults) > 1 {
					t.Fatal(set.Faults)
				}
				if diff := cmp.Diff(test.fixed, test.fires.outcome(t, set, false)); diff != "" {
					t.Errorf("fixed (-want +got)\n%s", diff)
				}
				want := test.strict
				if slices.Equal(want, same) {
					want = test.fixed
				}
				if diff := cmp.Diff(want, test.fires.outcome(t, set, true)); diff != "" {
					t.Errorf("strict (-want +got)\n%s", diff)
				}
				if got := test.quiet.outcome(t, set, false); len(got) > 0 {
					t.Errorf("where it does not apply: %v", got)
				}
			})
		}
	}
}
