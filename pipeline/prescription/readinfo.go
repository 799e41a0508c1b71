package prescription

import (
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

func (r *reader) infosInto(to *[]info, what string) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		elems, err := r.list(n, what)
		if err != nil {
			return err
		}
		for _, e := range elems {
			one, err := r.info(e, what, true)
			if err != nil {
				return err
			}
			*to = append(*to, one)
		}
		return nil
	}
}

// linkPattern is a URL, or several with blanks between, or an identifier.
var linkPattern = regexp.MustCompile(`^([a-zA-Z][a-zA-Z0-9+.-]*://[^\x00-\x1f\x7f]+|[a-z0-9_-]+)$`)

// info reads a log line, an entry of stack_info or a justification.
func (r *reader) info(n *yaml.Node, what string, linked bool) (info, error) {
	var x info
	known := map[string]func(*yaml.Node) error{
		"type":    r.textInto(&x.Type, "type"),
		"message": r.textInto(&x.Message, "message"),
	}
	if linked {
		known["link"] = r.textInto(&x.Link, "link")
	}
	if what == "justification" {
		known["package_name"] = func(v *yaml.Node) (err error) {
			x.Package, err = r.name(v)
			return err
		}
		known["advisory"] = r.textInto(&x.Advisory, "advisory")
		known["cve_id"] = r.textInto(&x.Advisory, "cve_id")
		known["cve_name"] = r.textInto(new(string), "cve_name")
		known["version_range"] = func(v *yaml.Node) error {
			_, err := r.specs(v, "version_range")
			return err
		}
	}
	if err := r.each(n, what, known); err != nil {
		return x, err
	}
	switch {
	case !slices.Contains([]string{"INFO", "WARNING", "ERROR"}, x.Type):
		return x, r.fault(n, "the type of %s must be INFO, WARNING or ERROR", what)
	case x.Message == "":
		return x, r.fault(n, "%s needs a message", what)
	case linked && !linkPattern.MatchString(x.Link):
		return x, r.fault(n, "the link of %s must be a URL or an identifier", what)
	}
	return x, nil
}
