package lockfile

import (
	"fmt"
	"net/url"
	"path"
	"strings"
)

// prepareDirect checks a pin that comes from a path or a URL: a directory has
// no files, a wheel is its only file.
func (p *Pin) prepareDirect() error {
	d := p.Direct
	switch {
	case d.Package.Name != p.Name || d.Package.Version.Compare(p.Version) != 0:
		return fmt.Errorf("%s is pinned, but %s is %s", p.Package, d, d.Package)
	case (d.Path == "") == (d.URL == ""):
		return fmt.Errorf("%s needs either a path or a URL", p.Package)
	case !fitsOnLine(d.Path) || strings.Contains(d.Path, `\`) || d.Path != "" && path.Clean(d.Path) != d.Path:
		return fmt.Errorf("%s: %q is not a clean path with / between its elements", p.Package, d.Path)
	case d.Editable && !d.Directory || d.Directory && d.URL != "":
		return fmt.Errorf("%s: only a directory can be editable, and it has a path", p.Package)
	}
	p.Index = ""
	if d.Directory {
		if len(p.Files) > 0 {
			return fmt.Errorf("%s is a directory and has files, of which none is what will be installed", p.Package)
		}
		return nil
	}
	if err := p.prepareFiles(); err != nil {
		return err
	}
	switch {
	case len(p.Files) != 1 || p.Files[0].Filename != d.Filename():
		return fmt.Errorf("%s is the wheel %s and must have it as its only file", p.Package, d.Filename())
	case d.SHA256 != "" && d.SHA256 != p.Files[0].SHA256:
		return fmt.Errorf("%s: the sha256 of %s is %s, but the manifest wants %s", p.Package, d.Filename(), p.Files[0].SHA256, d.SHA256)
	}
	return nil
}

// place returns the path as tools take it for one, "./lib", and not for a name.
func (d *Direct) place() string {
	if d.Path == "." || path.IsAbs(d.Path) || d.Path == ".." || strings.HasPrefix(d.Path, "../") {
		return d.Path
	}
	return "./" + d.Path
}

// plainPath are the characters of paths that every reader of requirements takes
// as they stand.
const plainPath = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-+/"

// requirementsLine returns p as a line of a requirements file, without hashes
// if bare. A relative path stays one, so that the project can be moved.
func (p *Pin) requirementsLine(bare bool) (string, error) {
	d, extras := p.Direct, ""
	if len(p.Extras) > 0 {
		extras = "[" + joined(p.Extras) + "]"
	}
	if d.URL == "" && (!path.IsAbs(d.Path) || d.Editable) {
		if strings.Trim(d.Path, plainPath) != "" {
			return "", fmt.Errorf("lock: %s: a requirements file cannot have the path %q everywhere; rename the folder, or lock as pylock.toml", p.Package, d.Path)
		}
		option := ""
		if d.Editable {
			option = "-e "
		}
		return option + d.place() + extras + p.hashOptions(bare), nil
	}
	place := (&url.URL{Scheme: "file", Path: d.Path}).String()
	if d.URL != "" {
		var err error
		if place, err = withoutCredentials(d.URL); err != nil {
			return "", fmt.Errorf("lock: %s: %w", p.Package, err)
		}
	}
	if bare && !d.Directory {
		place += "#sha256=" + p.Files[0].SHA256 // is checked wherever others have none
	}
	return string(p.Name) + extras + " @ " + place + p.hashOptions(bare), nil
}

// hashOptions returns the --hash options of p.
func (p *Pin) hashOptions(bare bool) string {
	if bare {
		return ""
	}
	var b strings.Builder
	for _, h := range p.hashes() {
		b.WriteString(" \\\n    --hash=" + h)
	}
	return b.String()
}

// directComment says what an installer cannot do with the direct pins of a
// requirements file, and whether there can be hashes.
func directComment(pins []Pin) (text string, bare bool) {
	relative := false
	for _, p := range pins {
		if d := p.Direct; d != nil {
			bare = bare || d.Directory
			relative = relative || d.Path != "" && !path.IsAbs(d.Path)
		}
	}
	if bare {
		text += "# There are no hashes here: pip wants them of all packages or of none, and a directory has none.\n"
	}
	if relative {
		text += "# Install from the folder of this file: its paths are relative to where pip is started.\n"
	}
	return text, bare
}

// pipenvDirect fills in where the entry of a Pipfile.lock comes from.
func (p *Pin) pipenvDirect(entry map[string]any) error {
	d := p.Direct
	switch {
	case d.Directory:
		entry["path"] = d.place()
		if d.Editable {
			entry["editable"] = true
		}
	case d.URL == "":
		entry["file"] = d.place()
	default:
		clean, err := withoutCredentials(d.URL)
		if err != nil {
			return fmt.Errorf("lock: %s: %w", p.Package, err)
		}
		entry["file"] = clean
	}
	return nil
}

// pylockDirect returns the key of a pylock.toml that says where p comes from.
func (p *Pin) pylockDirect() (string, error) {
	d := p.Direct
	if d.Directory {
		text := "directory = { path = " + tomlString(d.Path)
		if d.Editable {
			text += ", editable = true"
		}
		return text + " }\n", nil
	}
	var place string
	if d.URL == "" {
		place = "path = " + tomlString(d.Path)
	} else {
		clean, err := withoutCredentials(d.URL)
		if err != nil {
			return "", err
		}
		if clean = withoutUser(clean); strings.Contains(clean, "${") {
			return "", fmt.Errorf("its URL has a variable, which no tool replaces in a pylock.toml; lock as requirements")
		}
		place = "url = " + tomlString(clean)
	}
	f := p.Files[0]
	if f.Size > 0 {
		place += fmt.Sprintf(", size = %d", f.Size)
	}
	return "archive = { " + place + ", hashes = { sha256 = " + tomlString(f.SHA256) + " } }\n", nil
}
