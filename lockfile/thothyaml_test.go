package lockfile

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/py"
)

// readThoth reads text as a .thoth.yaml.
func readThoth(text string) (*ThothConfig, error) {
	return ReadThothYAML(fstest.MapFS{ThothFile: {Data: []byte(text)}}, ThothFile)
}

// thothFull is what Thoth's template gives, with every key that it knows.
const thothFull = `host: khemenu.example
tls_verify: true
requirements_format: pipenv
overlays_dir: overlays
virtualenv: false
recommendation_type: security
runtime_environments:
  - name: fedora-35
    operating_system:
      name: fedora
      version: "35"
    hardware:
      # {cpu_family}
      cpu_family: 6
      cpu_model: 0
      gpu_model: "NVIDIA A100"
    python_version: 3.10
    cuda_version: 11.0
    recommendation_type: latest
    platform: linux-x86_64
    openblas_version: 0.3.13
    openmpi_version: "4"
    cudnn_version: 8.1.0
    mkl_version: "2021.1"
    base_image: quay.example/s2i:v1
    labels:
      allow-cve: PYSEC-2014-10
      gpu: true
      n: 1
  - name: ubi
    operating_system: null
    hardware: {cpu_family: null, gpu_model: ~}
    labels:
managers:
  - name: pipfile-requirements
    configuration: {anything: [1]}
`

func TestReadThothYAML(t *testing.T) {
	got, err := readThoth(thothFull)
	if err != nil {
		t.Fatal(err)
	}
	want := &ThothConfig{Environments: []ThothEnvironment{
		{
			Name: "fedora-35", Pos: Position{ThothFile, 8, 5}, OS: "fedora", OSVersion: "35", PythonVersion: "3.10", Platform: "linux-x86_64",
			RecommendationType: "latest", RecommendationAt: Position{ThothFile, 19, 26}, Labels: map[string]string{"allow-cve": "PYSEC-2014-10", "gpu": "true", "n": "1"},
			CPUFamily: 6, CPUModel: 0, GPU: "NVIDIA A100", CUDA: "11.0", CuDNN: "8.1.0", OpenBLAS: "0.3.13", OpenMPI: "4", MKL: "2021.1",
			BaseImage: "quay.example/s2i:v1",
		},
		{Name: "ubi", Pos: Position{ThothFile, 30, 5}, RecommendationType: "security", RecommendationAt: Position{ThothFile, 6, 22}, CPUFamily: -1, CPUModel: -1},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestThothYAMLLenient reads what people and Thoth itself write beside the schema.
func TestThothYAMLLenient(t *testing.T) {
	const environment = "runtime_environments:\n- name: a\n"
	for _, test := range []struct {
		name, text   string
		environments string // name/OS/CPU family/CUDA/labels
		notes        []string
	}{
		{"empty", "", "", []string{".thoth.yaml: there are no runtime_environments, and nothing else in it counts"}},
		{"comment", "# nothing\n", "", []string{".thoth.yaml: there are no runtime_environments, and nothing else in it counts"}},
		{"null", "runtime_environments:\nhost: x", "", []string{".thoth.yaml: there are no runtime_environments, and nothing else in it counts"}},
		{"unknown keys", "hots: x\n" + environment + "  dev: true\n  operating_system: {name: rhel, id: 1}\n  hardware: {ram: 1}\n", "a/rhel/-1//map[]", []string{
			".thoth.yaml:1:1: hots is not known and does not count",
			".thoth.yaml:4:3: dev is not known and does not count",
			".thoth.yaml:5:34: operating_system.id is not known and does not count",
			".thoth.yaml:6:14: hardware.ram is not known and does not count",
		}},
		{"a processor that Thoth did not know", environment + "  hardware: {cpu_family: Unknown, cpu_model: Unknown}\n", "a//-1//map[]", []string{
			".thoth.yaml:3:26: cpu_family is Unknown and does not count",
			".thoth.yaml:3:46: cpu_model is Unknown and does not count",
		}},
		{"labels without values", environment + "  labels: {x: , y: '', z: 2020-01-01}\n", "a//-1//map[z:2020-01-01]", []string{
			`.thoth.yaml:3:12: label "x" has no value and does not count`,
			`.thoth.yaml:3:17: label "y" has no value and does not count`,
		}},
		{"without a name", "runtime_environments: [{cuda_version: 9}, {name: b}]", "//-1/9/map[], b//-1//map[]", nil},
		{"aliases", "managers: &os {name: rhel}\nruntime_environments:\n- &a {name: &n a, operating_system: *os}\n- {<<: *a, name: b, cuda_version: *n}\n- {name: c, <<: [{cuda_version: 1}, *a, {cuda_version: 2}]}\n",
			"a/rhel/-1//map[], b/rhel/-1/a/map[], c/rhel/-1/1/map[]", nil},
		{"a byte order mark", "\ufeff---\n" + environment + "...\n", "a//-1//map[]", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := readThoth(test.text)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range c.Environments {
				got = append(got, fmt.Sprintf("%s/%s/%d/%s/%v", e.Name, e.OS, e.CPUFamily, e.CUDA, e.Labels))
			}
			if diff := cmp.Diff(test.environments, strings.Join(got, ", ")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(test.notes, c.Notes); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestThothYAMLRefusals(t *testing.T) {
	const environment = "runtime_environments:\n- name: a\n"
	for _, test := range []refusal{
		{"no mapping", "- a", ".thoth.yaml:1:1: the file must be a mapping"},
		{"no list", "runtime_environments: {name: a}", ".thoth.yaml:1:23: runtime_environments must be a list of at most 1000"},
		{"too many", "runtime_environments: [" + strings.Repeat("{},", 1001) + "]", ".thoth.yaml:1:23: runtime_environments must be a list of at most 1000"},
		{"no environment", "runtime_environments: [a]", ".thoth.yaml:1:24: a runtime environment must be a mapping"},
		{"syntax", "host: a\nx: b: c\n", ".thoth.yaml:2: not valid YAML: mapping values are not allowed in this context"},
		{"syntax of a template", "# {host}\nhost: a\nname: {os_name}-{os_version}\n", ".thoth.yaml:1: not valid YAML: did not find expected key (is it a template? write a value for {os_name} at .thoth.yaml:3:7)"},
		{"placeholder", environment + "  base_image: 'a:{tag}'", ".thoth.yaml:3:15: base_image has the placeholder {tag}, which nobody replaces (write the value itself)"},
		{"placeholder without quotes", environment + "  hardware:\n    cpu_family: {cpu_family}", ".thoth.yaml:4:17: cpu_family has the placeholder {cpu_family}, which nobody replaces (write the value itself)"},
		{"placeholder of a label", environment + "  labels: {a: '{HOME}'}", ".thoth.yaml:3:15: label a has the placeholder {HOME}, which nobody replaces (write the value itself)"},
		{"no text", environment + "  base_image: [a]", ".thoth.yaml:3:15: base_image must be a text"},
		{"no text but true", environment + "  cuda_version: true", ".thoth.yaml:3:17: cuda_version must be a text"},
		{"mapping for a text", environment + "  cuda_version: {a: 1}", ".thoth.yaml:3:17: cuda_version must be a text"},
		{"no number", environment + "  hardware: {cpu_model: Xeon}", `.thoth.yaml:3:25: cpu_model must be a number, not "Xeon" (write the number of /proc/cpuinfo)`},
		{"negative", environment + "  hardware: {cpu_model: -1}", `.thoth.yaml:3:25: cpu_model must be a number, not "-1" (write the number of /proc/cpuinfo)`},
		{"python", environment + "  python_version: 3", `.thoth.yaml:3:19: python_version "3" is no version of Python (write such as "3.12")`},
		{"system", environment + "  operating_system: rhel", ".thoth.yaml:3:21: operating_system must be a mapping"},
		{"system without name", environment + "  operating_system: {version: 8}", ".thoth.yaml:3:21: operating_system has a version and no name (write its name, such as rhel)"},
		{"labels", environment + "  labels: [a]", ".thoth.yaml:3:11: labels must be a mapping"},
		{"second without name", environment + "- python_version: '3.9'", ".thoth.yaml:3:3: only the first runtime environment may be without a name"},
		{"name twice", environment + "- name: a", `.thoth.yaml:3:3: the runtime environment at .thoth.yaml:2:3 is named "a", too (give it another name)`},
		{"key twice", environment + "  name: b", `.thoth.yaml:3:3: key "name" is there already (keep one of them)`},
		{"key", "? [a]\n: b", ".thoth.yaml:1:3: a key of the file must be a text"},
		{"second document", environment + "---\nhost: a", ".thoth.yaml:3:1: a second document begins here (take it out)"},
		{"second document is broken", environment + "---\n: : :\n\t- x", "???"},
		{"merges itself", "runtime_environments:\n- &a {<<: *a}", ".thoth.yaml:2:3: more than 65536 keys and values, the limit for such a file (does something merge itself?)"},
		{"not UTF-8", "host: \xff", ".thoth.yaml:1:7: byte 0xff is not UTF-8 (save the file as UTF-8)"},
		{"too large", strings.Repeat("#", maxYAML+1), ".thoth.yaml: larger than 256 KiB, the limit for such a file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := readThoth(test.text)
			if err == nil {
				t.Fatalf("read as %+v", c)
			}
			checkError(t, err)
			if got := err.Error(); test.want != got && test.want != "???" {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestThothYAMLBounded reads merges that multiply, with and without keys.
func TestThothYAMLBounded(t *testing.T) {
	for _, first := range []string{"{a: 1, b: 2}", "{}"} {
		var b strings.Builder
		fmt.Fprintf(&b, "m0: &m0 %s\n", first)
		for i := range 7 {
			fmt.Fprintf(&b, "m%d: &m%d {<<: [%s]}\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*m%d, ", i), 64), ", "))
		}
		_, err := readThoth(b.String() + "runtime_environments: [{<<: *m7}]")
		if err == nil || !strings.Contains(err.Error(), "more than 65536 keys") {
			t.Errorf("got %v", err)
		}
	}
}

func TestFindThothYAML(t *testing.T) {
	const text = "runtime_environments: [{name: %s}]"
	file := func(name string) *fstest.MapFile { return &fstest.MapFile{Data: fmt.Appendf(nil, text, name)} }
	for _, test := range []struct {
		name string
		fsys fstest.MapFS
		want string
	}{
		{"none", fstest.MapFS{"thoth.yaml": file("x")}, "none"},
		{"yaml", fstest.MapFS{".thoth.yaml": file("a"), ".thoth.yml": file("b")}, "a"},
		{"yml", fstest.MapFS{".thoth.yml": file("b")}, "b"},
		{"malformed", fstest.MapFS{".thoth.yaml": {Data: []byte("[")}, ".thoth.yml": file("b")}, "error"},
		{"a folder", fstest.MapFS{".thoth.yaml/x": file("a")}, "error"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := "none"
			switch c, err := FindThothYAML(test.fsys); {
			case err != nil:
				checkError(t, err)
				got = "error"
			case c != nil:
				got = c.Environments[0].Name
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestThothHost(t *testing.T) {
	seen := py.Host{
		OS: "rhel", OSVersion: "80.6", CPUFamily: 6, CPUModel: 85, CPUFlags: []string{"avx2"}, GPUs: []string{"T4"},
		CUDA: "11.2", CuDNN: "8.1.0", BaseImage: "seen:1", RPMs: []py.HostRPM{{Name: "glibc"}},
	}
	with := func(change func(*py.Host)) py.Host {
		h := seen
		change(&h)
		return h
	}
	elsewhere := py.Host{CPUFamily: 6, CPUModel: 85, CPUFlags: []string{"avx2"}, GPUs: []string{"T4"}}
	for _, test := range []struct {
		name, text string
		want       py.Host
	}{
		{"nothing said", "{}", seen},
		{"the same system", "{operating_system: {name: ubi, version: '80'}}", with(func(h *py.Host) { h.OS, h.OSVersion = "ubi", "80" })},
		{"its name alone", "{operating_system: {name: rhel}}", seen},
		{"another version", "{operating_system: {name: rhel, version: '8'}}", func() py.Host { h := elsewhere; h.OS, h.OSVersion = "rhel", "8"; return h }()},
		{"another system", "{operating_system: {name: fedora}, cuda_version: '9'}", func() py.Host { h := elsewhere; h.OS, h.CUDA = "fedora", "9"; return h }()},
		{"the same processor", "{hardware: {cpu_family: 6}}", seen},
		{"another processor", "{hardware: {cpu_family: 6, cpu_model: 1}}", with(func(h *py.Host) { h.CPUModel, h.CPUFlags = 1, nil })},
		{"another family", "{hardware: {cpu_family: 7}}", with(func(h *py.Host) { h.CPUFamily, h.CPUModel, h.CPUFlags = 7, -1, nil })},
		{"the rest", "{hardware: {gpu_model: A100}, cuda_version: '1', cudnn_version: '2', openblas_version: '3', openmpi_version: '4', mkl_version: '5', base_image: i}",
			with(func(h *py.Host) {
				h.GPUs, h.CUDA, h.CuDNN, h.OpenBLAS, h.OpenMPI, h.MKL, h.BaseImage = []string{"A100"}, "1", "2", "3", "4", "5", "i"
			})},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := readThoth("runtime_environments: [" + test.text + "]")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, c.Environments[0].Host(seen)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// FuzzThothYAML checks that reading never panics, refuses with an *Error, gives
// the same twice, and that what is read is what its types promise.
func FuzzThothYAML(f *testing.F) {
	f.Add(thothFull)
	f.Add("a: &a {<<: *a}\nruntime_environments: [*a, {name: {x}, labels: {a: !!binary x}}]")
	f.Add("runtime_environments:\n- hardware: {cpu_family: Unknown}\n---\n? [x]\n: - &b *b")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := readThoth(text)
		again, err2 := readThoth(text)
		if err != nil {
			checkError(t, err)
			if err2 == nil || err2.Error() != err.Error() {
				t.Fatalf("second time: %v, not %v", err2, err)
			}
			return
		}
		if diff := cmp.Diff(c, again); err2 != nil || diff != "" {
			t.Fatalf("read differently the second time (%v):\n%s", err2, diff)
		}
		seen := map[string]bool{}
		for _, e := range c.Environments {
			if seen[e.Name] || e.Pos.Line < 1 || e.CPUFamily < -1 || e.CPUModel < -1 || e.OS == "" && e.OSVersion != "" ||
				e.PythonVersion != "" && !pythonVersion.MatchString(e.PythonVersion) || placeholder.MatchString(e.BaseImage) {
				t.Fatalf("%+v", e)
			}
			seen[e.Name] = true
			for k, v := range e.Labels {
				if k == "" || v == "" {
					t.Fatalf("label %q=%q", k, v)
				}
			}
		}
	})
}
