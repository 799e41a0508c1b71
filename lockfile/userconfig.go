package lockfile

import "io/fs"

// A UserConfig is what the user's own file, config.toml, says for all projects.
type UserConfig struct {
	Sources []Placed // where knowledge bases are synced from, in turn
	Keys    []Placed // verifier keys of whom to trust
	OSV     []Placed // where kb refresh reads advisories
}

// A Placed is a text and where it stands.
type Placed struct {
	Text string
	Pos  Position
}

// ReadUserConfig reads the user's own file. A key that is not known is an error,
// for nobody wants a misspelt key of whom to trust to be passed over. Every error
// is an *Error.
func ReadUserConfig(fsys fs.FS, name string) (*UserConfig, error) {
	root, err := readTree(fsys, name)
	if err != nil {
		return nil, err
	}
	if err := root.known("the configuration", "kb"); err != nil {
		return nil, err
	}
	c := new(UserConfig)
	n := root.get("kb")
	if n == nil {
		return c, nil
	}
	if err := n.table("kb"); err != nil {
		return nil, err
	}
	if err := n.known("kb", "sources", "keys", "osv"); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		to  *[]Placed
		key string
	}{{&c.Sources, "sources"}, {&c.Keys, "keys"}, {&c.OSV, "osv"}} {
		texts, err := n.get(part.key).strings(part.key)
		if err != nil {
			return nil, err
		}
		for i, text := range texts {
			*part.to = append(*part.to, Placed{text, n.get(part.key).elems[i].pos})
		}
	}
	return c, nil
}
