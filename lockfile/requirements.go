package lockfile

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

const (
	// maxLine bounds a line of a requirements file, continuation lines included.
	// The longest honest ones, with hundreds of hashes, have some 100 kB.
	maxLine = 1 << 20

	// maxNames bounds the names of --only-binary and --no-binary.
	maxNames = 10_000

	// maxIncludes, maxIncludeDepth and maxIncluded bound what -r and -c pull in:
	// files, how deep one includes the next, and bytes altogether.
	maxIncludes     = 1000
	maxIncludeDepth = 50
	maxIncluded     = 64 << 20
)

// A requirements is a requirements file being read, with what it includes.
type requirements struct {
	f     *folder
	m     *Manifest
	chain []string // the files that include one another, the current one last
	files int      // that were read
	bytes int
}

// requirements reads a file of pip's format.
func (f *folder) requirements(name string) (*Manifest, error) {
	r := &requirements{f: f, m: &Manifest{Kind: Requirements}}
	if err := r.file(name, false, Position{}); err != nil {
		return nil, err
	}
	if r.m.NoIndex {
		r.m.Sources = nil // as in pip, --no-index wins wherever it stands
	}
	return r.m, nil
}

// file reads one file, as constraints if it was included by -c at from.
func (r *requirements) file(name string, constraint bool, from Position) error {
	switch {
	case slices.Contains(r.chain, name):
		chain := append(slices.Clone(r.chain[slices.Index(r.chain, name):]), name)
		return refuse(from, "take one of the includes out", "the files include each other: %s", strings.Join(chain, " -> "))
	case len(r.chain) == maxIncludeDepth:
		return refuse(from, "", "includes nest deeper than %d files, the limit", maxIncludeDepth)
	case r.files == maxIncludes || r.bytes > maxIncluded:
		return refuse(from, "", "more than %d files or %d MiB are included, the limits", maxIncludes, maxIncluded>>20)
	}
	text, err := readText(r.f.fsys, name, maxFile)
	if err != nil {
		if e, ok := err.(*Error); ok && from.Line > 0 && e.cause != nil {
			// The line that includes a file is what has to be changed.
			again := refuse(from, e.Hint, "%s: %s", name, e.Msg)
			again.cause = e.cause
			return again
		}
		return err
	}
	r.files++
	if !slices.Contains(r.m.Files, name) {
		r.m.Files = append(r.m.Files, name)
	}
	r.bytes += len(text)
	r.chain = append(r.chain, name)
	defer func() { r.chain = r.chain[:len(r.chain)-1] }()
	return eachLine(name, text, func(l logicalLine) error { return r.line(l, constraint) })
}

// line reads a requirement with its options, or options.
func (r *requirements) line(l logicalLine, constraint bool) error {
	end := startOfOptions(l.text)
	options, err := l.split(end)
	if err != nil {
		return err
	}
	if written := strings.TrimSpace(l.text[:end]); written != "" {
		return r.requirement(l, written, options, constraint)
	}
	for len(options) > 0 {
		if options, err = r.option(l, options, constraint); err != nil {
			return err
		}
	}
	return nil
}

// startOfOptions returns where the first word that begins with "-" starts.
func startOfOptions(s string) int {
	blank := true
	for i := range len(s) {
		if s[i] == '-' && blank {
			return i
		}
		blank = s[i] == ' ' || s[i] == '\t'
	}
	return len(s)
}

// environmentVariable is what pip replaces by the value of a variable.
var environmentVariable = regexp.MustCompile(`\$\{[A-Z0-9_]+\}`)

// webURL matches what comes before a variable in the URL of a wheel.
var webURL = regexp.MustCompile(`(?i)(^|[@ ])https?://[^\s]*$`)

// archive matches the file names that pip takes for a path.
var archive = regexp.MustCompile(`(?i)\.(whl|zip|tar\.gz|tgz|tar|tar\.bz2|tbz|tar\.xz|txz|tlz|tar\.lz|tar\.lzma)$`)

// requirement reads a requirement and the options that belong to it.
func (r *requirements) requirement(l logicalLine, written string, options []word, constraint bool) error {
	start := strings.Index(l.text, written)
	pos := l.position(start)
	if i := environmentVariable.FindStringIndex(written); i != nil && !webURL.MatchString(written[:i[0]]) {
		return refuse(l.position(start+i[0]), "write the value", "%s: variables are kept in URLs only", written[i[0]:i[1]])
	}
	read := r.f.requirement
	// What stands before extras, versions and markers: a name, or a place.
	head := written
	if i := strings.IndexAny(head, " \t;[<>=!~@("); i > 0 && !strings.Contains(head[:i], "/") {
		head = head[:i]
	}
	if strings.Contains(head, "://") || strings.HasPrefix(head, "file:") || strings.ContainsAny(head, `/\`) || strings.HasPrefix(head, ".") || archive.MatchString(head) {
		read = r.f.unnamed
	}
	req, err := read(l.file, written, pos)
	if err != nil {
		return err
	}
	return r.add(l, req, options, constraint)
}

// add adds a requirement or constraint with its options.
func (r *requirements) add(l logicalLine, req Requirement, options []word, constraint bool) error {
	var err error
	if req.Hashes, err = hashes(l, options); err != nil {
		return err
	}
	if constraint {
		if err := notDirect(req); err != nil {
			return err
		}
		if len(req.Extras) > 0 {
			return refuse(req.Pos, "require the extras in a requirements file", "a constraint cannot have extras")
		}
		if len(r.m.Constraints) == maxRequirements {
			return refuse(req.Pos, "", "more than %d constraints, the limit", maxRequirements)
		}
		r.m.Constraints = append(r.m.Constraints, req)
		return nil
	}
	return r.m.require(req)
}

// hashes reads the options of a requirement, of which --hash is the only one
// that does not change how a package is built.
func hashes(l logicalLine, options []word) ([]string, error) {
	var found []string
	var first Position // of found
	for len(options) > 0 {
		o, rest, err := l.option(options)
		if err != nil {
			return nil, err
		}
		switch o.name {
		case "--hash":
			h, err := parseHash(o.value)
			if err != nil {
				return nil, refuse(o.pos, "write --hash=sha256: and 64 hexadecimal digits", "%v", err)
			}
			if found == nil {
				first = o.pos
			}
			found = append(found, h)
		case "--config-settings", "--global-option":
			return nil, refuse(o.pos, "take it out", "%s is not supported, because thamos builds nothing", o.name)
		default:
			return nil, refuse(o.pos, "give it a line of its own", "%s cannot stand after a requirement", o.name)
		}
		options = rest
	}
	return found, checkHashes(found, first)
}

// option reads the first of options, which stand on a line of their own, and
// returns the others.
func (r *requirements) option(l logicalLine, options []word, constraint bool) ([]word, error) {
	o, rest, err := l.option(options)
	if err != nil {
		return nil, err
	}
	if i := environmentVariable.FindString(o.value); i != "" && !o.url {
		return nil, refuse(o.pos, "write the value", "%s: variables are kept in URLs only", i)
	}
	switch o.name {
	case "--requirement", "--constraint":
		err = r.include(o)
	case "--index-url":
		err = r.index(o)
	case "--extra-index-url":
		if !slices.ContainsFunc(r.m.Sources, func(s Source) bool { return s.Extra && s.URL == o.value }) {
			err = r.m.addSource(Source{URL: o.value, VerifySSL: true, Extra: true, Pos: o.pos})
		}
	case "--no-index":
		r.m.NoIndex = true
	case "--find-links":
		err = r.m.addFindLinks(r.f, l.file, o.value, o.pos)
	case "--pre":
		r.m.Prereleases = true
	case "--no-binary":
		err = formats(o, &r.m.NoBinary, &r.m.NoBuild)
	case "--only-binary":
		err = formats(o, &r.m.NoBuild, &r.m.NoBinary)
	case "--editable":
		return nil, r.editable(l, o, rest, constraint)
	case "--hash", "--config-settings", "--global-option":
		err = refuse(o.pos, "write it after the requirement it is for", "%s without a requirement", o.name)
	case "--prefer-binary", "--require-hashes", "--trusted-host", "--use-feature":
		// They say how pip installs and not what.
	}
	return rest, err
}

// editable reads the directory of -e and the options after it.
func (r *requirements) editable(l logicalLine, o option, options []word, constraint bool) error {
	req, err := r.f.unnamed(l.file, o.value, o.pos)
	if err != nil {
		return err
	}
	if req.Direct.URL != "" {
		return refuse(o.pos, "give a directory", "%v cannot be editable", req.Direct)
	}
	req.Direct.Editable = true
	return r.add(l, req, options, constraint)
}

// include reads the file of -r or -c.
func (r *requirements) include(o option) error {
	within := r.chain[len(r.chain)-1]
	target := o.value
	switch {
	case strings.Contains(target, "://"):
		return refuse(o.pos, "fetch the file and include the copy", "%s names a URL, and reading a manifest reaches no network", o.name)
	case path.IsAbs(target):
		return refuse(o.pos, "write the path relative to this file", "%s names an absolute path", o.name)
	}
	name := path.Join(path.Dir(within), target)
	if !fs.ValidPath(name) {
		e := refuse(o.pos, "start from a folder that holds both, or copy the file",
			"%s %s leaves the folder that is read", o.name, target)
		e.cause = ErrOutside
		return e
	}
	return r.file(name, o.name == "--constraint", o.pos)
}

// index reads -i. Two different ones are an error because one of them would be
// forgotten: in pip, the last line that is read wins.
func (r *requirements) index(o option) error {
	if len(r.m.Sources) > 0 && !r.m.Sources[0].Extra {
		if first := r.m.Sources[0]; first.URL != o.value {
			return refuse(o.pos, "make one of them an --extra-index-url", "there is another --index-url at %v", first.Pos)
		}
		return nil
	}
	rest := r.m.Sources
	r.m.Sources = nil
	for _, s := range append([]Source{{URL: o.value, VerifySSL: true, Pos: o.pos}}, rest...) {
		if s.Extra {
			s.Name = "" // named again, after the default one
		}
		if err := r.m.addSource(s); err != nil {
			return err
		}
	}
	return nil
}

// formats adds the value of --no-binary or --only-binary to set, and takes the
// names out of other, as pip does: the later option wins.
func formats(o option, set, other *Formats) error {
	for _, s := range strings.Split(o.value, ",") {
		s = strings.TrimSpace(s)
		switch s {
		case ":all:":
			*set, *other = Formats{All: true}, Formats{}
			continue
		case ":none:":
			*set = Formats{}
			continue
		}
		name, err := py.ParseName(s)
		if err != nil {
			return refuse(o.pos, "write :all:, :none: or names with commas between them", "%s: %v", o.name, err)
		}
		if len(set.Names) == maxNames {
			return refuse(o.pos, "write :all:", "%s has more than %d names, the limit", o.name, maxNames)
		}
		if !slices.Contains(set.Names, name) {
			set.Names = append(set.Names, name)
		}
		other.Names = slices.DeleteFunc(other.Names, func(n py.Name) bool { return n == name })
	}
	return nil
}
