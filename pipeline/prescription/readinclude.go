package prescription

import (
	"regexp"

	"go.yaml.in/yaml/v3"
)

// include reads should_include.
func (r *reader) include(n *yaml.Node) (include, error) {
	var x include
	types := []string{"stable", "testing", "latest", "performance", "security"}
	err := r.each(n, "should_include", map[string]func(*yaml.Node) error{
		"times": func(v *yaml.Node) error {
			if v.Kind != yaml.ScalarNode || v.Value != "0" && v.Value != "1" {
				return r.fault(v, "times must be 0 or 1")
			}
			x.Off = v.Value == "0"
			return nil
		},
		"adviser_pipeline":           r.booleanInto(&x.Advise, "adviser_pipeline"),
		"dependency_monkey_pipeline": r.booleanInto(&x.Monkey, "dependency_monkey_pipeline"),
		"recommendation_types":       r.setInto(&x.Recommendation, "recommendation_types", types...),
		"decision_types":             r.setInto(&x.Decision, "decision_types", "all", "random"),
		"authenticated": func(v *yaml.Node) error {
			b, err := r.boolean(v, "authenticated")
			x.Authenticated = &b
			return err
		},
		"labels": func(v *yaml.Node) error {
			all, err := r.fields(v, "labels")
			if err != nil {
				return err
			}
			x.Labels = map[string]string{}
			for _, f := range all {
				if x.Labels[f.name], err = r.text(f.value, "label "+f.name); err != nil {
					return err
				}
			}
			return nil
		},
		"library_usage": func(v *yaml.Node) error {
			all, err := r.fields(v, "library_usage")
			if err != nil {
				return err
			}
			if len(all) == 0 {
				return r.fault(v, "library_usage must not be empty")
			}
			x.Usage = map[string][]string{}
			for _, f := range all {
				if x.Usage[f.name], err = r.textList(f.value, "library_usage."+f.name); err != nil {
					return err
				}
			}
			return nil
		},
		"dependencies": func(v *yaml.Node) error {
			all, err := r.fields(v, "dependencies")
			if err != nil {
				return err
			}
			for _, f := range all {
				if _, ok := typesOf[f.name]; !ok {
					return r.fault(f.key, "unknown kind of unit %q", f.name)
				}
				names, err := r.textList(f.value, "dependencies."+f.name)
				if err != nil {
					return err
				}
				for _, name := range names {
					x.needs = append(x.needs, f.name+" "+name)
				}
			}
			return nil
		},
		"runtime_environments": func(v *yaml.Node) error { return r.runtime(&x, v) },
	})
	return x, err
}

func (r *reader) setInto(to **set, what string, allowed ...string) func(*yaml.Node) error {
	return func(n *yaml.Node) (err error) {
		*to, err = r.set(n, what, allowed...)
		return err
	}
}

func (r *reader) versionInto(to **version, what string) func(*yaml.Node) error {
	return func(n *yaml.Node) (err error) {
		*to = new(version)
		if isNull(n) {
			(*to).Null = true
			return nil
		}
		(*to).Specs, err = r.specs(n, what)
		return err
	}
}

func (r *reader) runtime(x *include, n *yaml.Node) error {
	t := new(runtime)
	x.Runtime = t
	return r.each(n, "runtime_environments", map[string]func(*yaml.Node) error{
		"operating_systems": func(v *yaml.Node) error {
			elems, err := r.list(v, "operating_systems")
			if err != nil {
				return err
			}
			for _, e := range elems {
				var o osMatch
				err := r.each(e, "an operating system", map[string]func(*yaml.Node) error{
					"name": r.textInto(&o.Name, "name"), "version": r.textInto(&o.Version, "version"),
				})
				if err != nil {
					return err
				}
				t.OS = append(t.OS, o)
			}
			return nil
		},
		"hardware": func(v *yaml.Node) error {
			elems, err := r.list(v, "hardware")
			if err != nil {
				return err
			}
			if len(elems) == 0 {
				return r.fault(v, "hardware must not be empty")
			}
			for _, e := range elems {
				var h hardware
				err := r.each(e, "hardware", map[string]func(*yaml.Node) error{
					"cpu_families": r.setInto(&h.Families, "cpu_families"),
					"cpu_models":   r.setInto(&h.Models, "cpu_models"),
					"cpu_flags":    r.setInto(&h.Flags, "cpu_flags", "avx2", "avx512"),
					"gpu_models":   r.setInto(&h.GPUs, "gpu_models"),
				})
				if err != nil {
					return err
				}
				t.Hardware = append(t.Hardware, h)
			}
			return nil
		},
		"python_version":   r.versionInto(&t.Python, "python_version"),
		"cuda_version":     r.versionInto(&t.CUDA, "cuda_version"),
		"cudnn_version":    r.versionInto(&t.CuDNN, "cudnn_version"),
		"openblas_version": r.versionInto(&t.OpenBLAS, "openblas_version"),
		"openmpi_version":  r.versionInto(&t.OpenMPI, "openmpi_version"),
		"mkl_version":      r.versionInto(&t.MKL, "mkl_version"),
		"platforms":        r.setInto(&t.Platforms, "platforms"),
		"base_images":      r.setInto(&t.Images, "base_images"),
		"abi":              r.setInto(&t.ABI, "abi"),
		"rpm_packages":     func(v *yaml.Node) error { return r.rpms(t, v) },
		"python_packages":  func(v *yaml.Node) error { return r.installed(t, v) },
	})
}

func (r *reader) rpms(t *runtime, n *yaml.Node) error {
	inner, not, err := r.negatable(n, "rpm_packages")
	if err != nil {
		return err
	}
	elems, err := r.list(inner, "rpm_packages")
	if err != nil {
		return err
	}
	t.RPMs = &rpms{Not: not}
	for _, e := range elems {
		var p rpm
		err := r.each(e, "an RPM package", map[string]func(*yaml.Node) error{
			"package_name": r.textInto(&p.Name, "package_name"), "arch": r.textInto(&p.Arch, "arch"), "epoch": r.textInto(&p.Epoch, "epoch"),
			"package_identifier": r.textInto(&p.Identifier, "package_identifier"), "package_version": r.textInto(&p.Version, "package_version"),
			"release": r.textInto(&p.Release, "release"),
			"src": func(v *yaml.Node) error {
				b, err := r.boolean(v, "src")
				p.Source = &b
				return err
			},
		})
		if err != nil {
			return err
		}
		if p.Name == "" {
			return r.fault(e, "an RPM package needs package_name")
		}
		t.RPMs.List = append(t.RPMs.List, p)
	}
	return nil
}

func (r *reader) installed(t *runtime, n *yaml.Node) error {
	inner, not, err := r.negatable(n, "python_packages")
	if err != nil {
		return err
	}
	elems, err := r.list(inner, "python_packages")
	if err != nil {
		return err
	}
	t.Packages = &installed{Not: not}
	for _, e := range elems {
		var p installedItem
		err := r.each(e, "a Python package", map[string]func(*yaml.Node) error{
			"name": func(v *yaml.Node) (err error) {
				p.Name, err = r.name(v)
				return err
			},
			"version": func(v *yaml.Node) (err error) {
				p.Specs, err = r.specs(v, "version")
				return err
			},
			"location": func(v *yaml.Node) (err error) {
				if p.Location, err = r.text(v, "location"); err != nil {
					return err
				}
				if _, err := regexp.Compile(p.Location); err != nil {
					return r.fault(v, "location: %v", err)
				}
				return nil
			},
		})
		if err != nil {
			return err
		}
		if p.Name == "" {
			return r.fault(e, "a Python package needs a name")
		}
		t.Packages.List = append(t.Packages.List, p)
	}
	return nil
}
