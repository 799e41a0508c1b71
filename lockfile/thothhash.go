package lockfile

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// ThothHash returns the hash that Thoth's tools put into a Pipfile.lock, or ""
// if the manifest is not a Pipfile that they could read.
//
// It is Pipenv's recipe on a Pipfile that was normalised first: project names by
// PEP 503, URLs without a slash at the end, versions without an operator by PEP
// 440, an entry with nothing but a version as a text, unknown keys, categories and
// the [thoth] section left out, no default source. (thoth-python also replaces
// one index host that is no more by its successor; such a Pipfile does not match.)
func (m *Manifest) ThothHash() string {
	if m.Kind != Pipfile || m.document == nil {
		return ""
	}
	var sources []any
	index := make(map[string]bool)
	if list := m.document.get("source"); list != nil {
		for _, s := range list.elems {
			name, url, verify := s.leaf("name"), s.leaf("url"), s.leaf("verify_ssl")
			text, ok := url.(string)
			if _, named := name.(string); !named || !ok || verify == nil {
				return ""
			}
			index[name.(string)] = true
			sources = append(sources, map[string]any{"name": name, "url": strings.TrimRight(text, "/"), "verify_ssl": verify})
		}
	}
	requires := m.document.get("requires")
	if requires == nil {
		requires = tree(map[string]any{})
	}
	whole := tree(map[string]any{"_meta": map[string]any{"sources": append([]any{}, sources...)}})
	whole.fields["_meta"].add("requires", requires)
	for section, key := range map[string]string{"packages": "default", "dev-packages": "develop"} {
		packages, ok := thothSection(m.document.get(section), index)
		if !ok {
			return ""
		}
		whole.add(key, packages)
	}
	var b strings.Builder
	writeJSON(&b, whole)
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:])
}

// thothSection returns the packages of a section as thoth-python models them.
func thothSection(section *node, index map[string]bool) (*node, bool) {
	out := tree(map[string]any{})
	if section == nil {
		return out, true
	}
	for _, key := range section.keys {
		entry := section.fields[key]
		version, isText := entry.value.(string)
		rest := &node{kind: table, fields: map[string]*node{}}
		if entry.kind == table {
			for _, direct := range []string{"git", "hg", "bzr", "svn"} {
				if entry.fields[direct] != nil {
					return nil, false
				}
			}
			version, isText = entry.leaf("version").(string)
			if i := entry.fields["index"]; i != nil {
				if name, ok := i.value.(string); !ok || !index[name] {
					return nil, false
				}
				rest.add("index", i)
			}
			if markers := entry.fields["markers"]; markers != nil && markers.value != "" {
				rest.add("markers", markers)
			}
			if extras := entry.fields["extras"]; extras != nil && len(extras.elems) > 0 {
				rest.add("extras", extras)
			}
		}
		if !isText {
			return nil, false
		}
		if v, err := py.ParseVersion(version); err == nil {
			version = v.String()
		}
		name := string(py.NormalizeName(key))
		if out.fields[name] != nil {
			return nil, false
		}
		if len(rest.fields) == 0 {
			out.add(name, tree(version))
			continue
		}
		rest.add("version", tree(version))
		out.add(name, rest)
	}
	return out, true
}

// leaf returns the value of a key of a table, nil if it has none.
func (n *node) leaf(key string) any {
	if f := n.fields[key]; f != nil && f.kind == leaf {
		return f.value
	}
	return nil
}
