package ingest

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"strconv"
	"strings"
	"time"
)

// PipEnv is what pip's configuration depends on: the caller hands in the
// environment, the disk and the operating system.
type PipEnv struct {
	// Getenv returns the value of an environment variable, empty if unset.
	Getenv func(key string) string

	// ReadFile reads a file; an error that is fs.ErrNotExist means that there
	// is none. os.ReadFile is one.
	ReadFile func(name string) ([]byte, error)

	// GOOS is the operating system in Go's words: linux, darwin, windows.
	GOOS string
}

// PipConfig is the part of pip's configuration that says where projects are
// found and how to get there. URLs may hold credentials: show them only by
// Redact.
type PipConfig struct {
	IndexURL       string // empty: nothing is configured
	ExtraIndexURLs []string

	Cert    string        // file of PEM certificates to trust, empty for the system's
	Proxy   string        // URL of the proxy, empty for the environment's
	Timeout time.Duration // 0: not configured

	// Source says where IndexURL was read: a file's name or PIP_INDEX_URL.
	Source string
}

// setting is one value and where it stands, for messages.
type setting struct{ value, source string }

// FindPipConfig finds the configuration as `pip install` does: files of the
// machine, of the user and of the virtual environment, the file of
// PIP_CONFIG_FILE (which replaces the user's), each overriding those before
// it; among them [install] beats [global] and PIP_… variables beat both.
// Empty values count as not set. A file that is absent is skipped, one that
// cannot be read or parsed is an error with its name and line.
//
// The one place pip looks and this does not is the prefix of an interpreter
// outside a virtual environment: only that interpreter knows it.
func FindPipConfig(env PipEnv) (PipConfig, error) {
	merged := map[string]setting{}
	files, err := env.configFiles()
	if err != nil {
		return PipConfig{}, err
	}
	for _, f := range files {
		for key, value := range f.values {
			merged[key] = setting{value, f.name}
		}
	}
	// find returns the value that wins under any of an option's names.
	find := func(names ...string) setting {
		for _, name := range names {
			variable := "PIP_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
			if v := env.Getenv(variable); v != "" {
				return setting{strings.TrimSpace(v), variable}
			}
		}
		for _, section := range []string{"install.", "global."} {
			for _, name := range names {
				if s := merged[section+name]; s.value != "" {
					return s
				}
			}
		}
		return setting{}
	}
	index := find("index-url", "pypi-url")
	config := PipConfig{
		IndexURL:       index.value,
		Source:         index.source,
		ExtraIndexURLs: strings.Fields(find("extra-index-url").value),
		Cert:           find("cert").value,
		Proxy:          find("proxy").value,
	}
	if rest, ok := strings.CutPrefix(config.Cert, "~"); ok && (rest == "" || rest[0] == '/' || rest[0] == '\\') {
		config.Cert = env.home() + rest
	}
	if s := find("timeout", "default-timeout"); s.value != "" {
		seconds, err := strconv.ParseFloat(s.value, 64)
		if err != nil || !(seconds > 0) || seconds > math.MaxInt32 {
			return PipConfig{}, fmt.Errorf("%s: timeout %q is not a number of seconds", s.source, s.value)
		}
		config.Timeout = time.Duration(seconds * float64(time.Second))
	}
	return config, nil
}

// A configFile is one file that was found.
type configFile struct {
	name   string
	values map[string]string
}

// configFiles reads the files that are there, weakest first.
func (env PipEnv) configFiles() ([]configFile, error) {
	own := env.Getenv("PIP_CONFIG_FILE")
	if own == env.devnull() {
		return nil, nil // pip's way to say: no files at all
	}
	var found []configFile
	read := func(name string) (ok bool, err error) {
		text, err := env.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("read pip's configuration: %w", err)
		}
		values, err := parseINI(name, text)
		found = append(found, configFile{name, maps.Clone(values)})
		return true, err
	}
	var ownFound bool
	if own != "" {
		ok, err := read(own)
		if err != nil {
			return nil, err
		}
		ownFound = ok
	}
	strongest := found
	found = nil

	for _, name := range env.globalFiles() {
		if _, err := read(name); err != nil {
			return nil, err
		}
	}
	if !ownFound {
		for _, alternatives := range env.userFiles() {
			for _, name := range alternatives {
				ok, err := read(name)
				if err != nil {
					return nil, err
				}
				if ok {
					break
				}
			}
		}
	}
	if venv := env.Getenv("VIRTUAL_ENV"); venv != "" {
		if _, err := read(env.join(venv, env.base())); err != nil {
			return nil, err
		}
	}
	return append(found, strongest...), nil
}

// globalFiles are the files of the machine, weakest first.
func (env PipEnv) globalFiles() []string {
	switch env.GOOS {
	case "windows":
		return []string{env.join(cmp.Or(env.Getenv("PROGRAMDATA"), `C:\ProgramData`), "pip", env.base())}
	case "darwin":
		return []string{"/Library/Application Support/pip/pip.conf"}
	}
	var names []string
	for dir := range strings.SplitSeq(cmp.Or(env.Getenv("XDG_CONFIG_DIRS"), "/etc/xdg"), ":") {
		if dir != "" {
			names = append(names, env.join(dir, "pip", env.base()))
		}
	}
	return append(names, "/etc/pip.conf")
}

// userFiles are the files of the user, weakest first; of several alternatives
// only the first that is there counts.
func (env PipEnv) userFiles() [][]string {
	home := env.home()
	if home == "" {
		if dir := env.Getenv("XDG_CONFIG_HOME"); dir != "" && env.GOOS != "windows" && env.GOOS != "darwin" {
			return [][]string{{env.join(dir, "pip", env.base())}}
		}
		return nil
	}
	switch env.GOOS {
	case "windows":
		roaming := cmp.Or(env.Getenv("APPDATA"), env.join(home, "AppData", "Roaming"))
		return [][]string{{env.join(home, "pip", env.base())}, {env.join(roaming, "pip", env.base())}}
	case "darwin":
		return [][]string{
			{env.join(home, ".pip", env.base())},
			// pip takes the second only where the folder of the first does not exist.
			{env.join(home, "Library", "Application Support", "pip", env.base()), env.join(home, ".config", "pip", env.base())},
		}
	}
	return [][]string{
		{env.join(home, ".pip", env.base())},
		{env.join(cmp.Or(env.Getenv("XDG_CONFIG_HOME"), env.join(home, ".config")), "pip", env.base())},
	}
}

func (env PipEnv) home() string {
	if env.GOOS == "windows" {
		return env.Getenv("USERPROFILE")
	}
	return env.Getenv("HOME")
}

func (env PipEnv) base() string {
	if env.GOOS == "windows" {
		return "pip.ini"
	}
	return "pip.conf"
}

func (env PipEnv) devnull() string {
	if env.GOOS == "windows" {
		return "nul"
	}
	return "/dev/null"
}

// join is filepath.Join for the operating system of env, which need not be
// the one this runs on.
func (env PipEnv) join(elem ...string) string {
	separator := "/"
	if env.GOOS == "windows" {
		separator = `\`
	}
	elem[0] = strings.TrimRight(elem[0], separator)
	return strings.Join(elem, separator)
}
