package lockfile

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

// ThothFile is Thoth's configuration file of a project.
const ThothFile = ".thoth.yaml"

// A ThothConfig is what thamos takes of a .thoth.yaml: the environments in which
// the project runs. The service that it names is gone.
type ThothConfig struct {
	Environments []ThothEnvironment
	Notes        []string // what was passed over, with its place
}

// A ThothEnvironment is one of them. What is empty, or -1, is not said.
type ThothEnvironment struct {
	Name               string
	Pos                Position
	OS, OSVersion      string
	PythonVersion      string // 3.9
	Platform           string // in the words of Python's sysconfig: linux-x86_64
	RecommendationType string // its own, else that of the whole file
	RecommendationAt   Position
	Labels             map[string]string

	CPUFamily, CPUModel int
	GPU                 string

	CUDA, CuDNN, OpenBLAS, OpenMPI, MKL string
	BaseImage                           string
}

// FindThothYAML reads the .thoth.yaml or .thoth.yml in a directory; nil if there
// is none.
func FindThothYAML(fsys fs.FS) (*ThothConfig, error) {
	for _, file := range []string{ThothFile, ".thoth.yml"} {
		c, err := ReadThothYAML(fsys, file)
		if !errors.Is(err, fs.ErrNotExist) {
			return c, err
		}
	}
	return nil, nil
}

// ReadThothYAML reads a .thoth.yaml. Keys that are not known are noted, since
// people's files have some; what is malformed is an *Error with its place.
// Placeholders of Thoth's template are refused: Thoth fills them in when it
// writes the file, not when it reads it.
func ReadThothYAML(fsys fs.FS, name string) (*ThothConfig, error) {
	text, err := readText(fsys, name, maxYAML)
	if err != nil {
		return nil, err
	}
	root, err := parseYAML(name, text)
	if err != nil {
		return nil, err
	}
	r := &thothReader{yamlReader: yamlReader{file: name}, c: new(ThothConfig)}
	if root != nil {
		if err := r.document(root); err != nil {
			return nil, err
		}
	}
	if len(r.c.Environments) == 0 {
		r.c.Notes = append(r.c.Notes, name+": there are no runtime_environments, and nothing else in it counts")
	}
	return r.c, nil
}

type thothReader struct {
	yamlReader
	c *ThothConfig
}

// ignored are keys that mean something to Thoth and nothing here.
var ignored = []string{"host", "tls_verify", "requirements_format", "overlays_dir", "virtualenv", "managers"}

func (r *thothReader) document(n *yaml.Node) error {
	everywhere, at := "", Position{}
	err := r.mapping(n, "the file", func(key string, name, value *yaml.Node) (err error) {
		switch {
		case key == "recommendation_type":
			at = r.position(value)
			everywhere, err = r.text(value, key)
		case key == "runtime_environments":
			err = r.environments(value)
		case !slices.Contains(ignored, key):
			r.unknown(name, key)
		}
		return err
	})
	for i := range r.c.Environments {
		if e := &r.c.Environments[i]; e.RecommendationType == "" {
			e.RecommendationType, e.RecommendationAt = everywhere, at
		}
	}
	return err
}

func (r *thothReader) note(n *yaml.Node, format string, args ...any) {
	r.c.Notes = append(r.c.Notes, fmt.Sprintf("%v: %s", r.position(n), shown(fmt.Sprintf(format, args...))))
}

func (r *thothReader) unknown(n *yaml.Node, key string) {
	r.note(n, "%.100s is not known and does not count", key)
}

// maxEnvironments bounds the list.
const maxEnvironments = 1000

func (r *thothReader) environments(n *yaml.Node) error {
	n = followed(n)
	if isNull(n) {
		return nil
	}
	if n.Kind != yaml.SequenceNode || len(n.Content) > maxEnvironments {
		return r.refuse(n, "", "runtime_environments must be a list of at most %d", maxEnvironments)
	}
	seen := map[string]Position{}
	for i, item := range n.Content {
		e, err := r.environment(item)
		if err != nil {
			return err
		}
		if e.Name == "" && i > 0 {
			return r.refuse(item, "", "only the first runtime environment may be without a name")
		}
		if at, twice := seen[e.Name]; twice {
			return r.refuse(item, "give it another name", "the runtime environment at %v is named %q, too", at, e.Name)
		}
		seen[e.Name] = e.Pos
		r.c.Environments = append(r.c.Environments, e)
	}
	return nil
}

var pythonVersion = regexp.MustCompile(`^[0-9]{1,2}\.[0-9]{1,3}(\.[0-9]{1,3})?$`)

func (r *thothReader) environment(n *yaml.Node) (ThothEnvironment, error) {
	e := ThothEnvironment{CPUFamily: -1, CPUModel: -1, Pos: r.position(n)}
	texts := map[string]*string{
		"name": &e.Name, "platform": &e.Platform, "recommendation_type": &e.RecommendationType,
		"cuda_version": &e.CUDA, "cudnn_version": &e.CuDNN, "openblas_version": &e.OpenBLAS, "openmpi_version": &e.OpenMPI,
		"mkl_version": &e.MKL, "base_image": &e.BaseImage,
	}
	err := r.mapping(n, "a runtime environment", func(key string, at, value *yaml.Node) (err error) {
		to, ok := texts[key]
		switch {
		case ok:
			*to, err = r.text(value, key)
			if key == "recommendation_type" {
				e.RecommendationAt = r.position(value)
			}
		case key == "python_version":
			e.PythonVersion, err = r.python(value, key)
		case key == "operating_system":
			err = r.system(value, &e)
		case key == "hardware":
			err = r.hardware(value, &e)
		case key == "labels":
			err = r.labels(value, &e)
		default:
			r.unknown(at, key)
		}
		return err
	})
	return e, err
}

// python reads the version as it is written: 3.10 is not the number 3.1.
func (r *thothReader) python(n *yaml.Node, what string) (string, error) {
	text, err := r.text(n, what)
	if err == nil && text != "" && !pythonVersion.MatchString(text) {
		return "", r.refuse(n, `write such as "3.12"`, "%s %q is no version of Python", what, text)
	}
	return text, err
}

func (r *thothReader) system(n *yaml.Node, e *ThothEnvironment) error {
	err := r.mapping(n, "operating_system", func(key string, at, value *yaml.Node) (err error) {
		switch key {
		case "name":
			e.OS, err = r.text(value, "operating_system.name")
		case "version":
			e.OSVersion, err = r.text(value, "operating_system.version")
		default:
			r.unknown(at, "operating_system."+key)
		}
		return err
	})
	if err == nil && e.OS == "" && e.OSVersion != "" {
		return r.refuse(n, "write its name, such as rhel", "operating_system has a version and no name")
	}
	return err
}

func (r *thothReader) hardware(n *yaml.Node, e *ThothEnvironment) error {
	return r.mapping(n, "hardware", func(key string, at, value *yaml.Node) (err error) {
		switch key {
		case "cpu_family":
			e.CPUFamily, err = r.number(value, key)
		case "cpu_model":
			e.CPUModel, err = r.number(value, key)
		case "gpu_model":
			e.GPU, err = r.text(value, key)
		default:
			r.unknown(at, "hardware."+key)
		}
		return err
	})
}

// number reads a number that is not negative; -1 if it is not said.
func (r *thothReader) number(n *yaml.Node, what string) (int, error) {
	text, err := r.text(n, what)
	switch {
	case err != nil || text == "":
		return -1, err
	case text == "Unknown": // Thoth's own word where it could not tell
		r.note(followed(n), "%s is Unknown and does not count", what)
		return -1, nil
	}
	v, ok := wholeNumber(text)
	if !ok {
		return -1, r.refuse(n, "write the number of /proc/cpuinfo", "%s must be a number, not %q", what, text)
	}
	return v, nil
}

// labels reads texts; true and 1 are as good. One without a value says nothing.
func (r *thothReader) labels(n *yaml.Node, e *ThothEnvironment) error {
	return r.mapping(n, "labels", func(key string, at, value *yaml.Node) error {
		value = followed(value)
		if value.Kind == yaml.ScalarNode && value.Value != "" && value.ShortTag() == "!!bool" {
			r.label(e, key, value.Value)
			return nil
		}
		text, err := r.text(value, "label "+key)
		if err != nil {
			return err
		}
		if key == "" || text == "" {
			r.note(at, "label %.100q has no value and does not count", key)
			return nil
		}
		r.label(e, key, text)
		return nil
	})
}

func (r *thothReader) label(e *ThothEnvironment, key, value string) {
	if e.Labels == nil {
		e.Labels = map[string]string{}
	}
	e.Labels[key] = value
}
