package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/thamos/thamos/kb/sync"
)

// userConfig is what the user's own file says for all projects. Whom to trust
// stands only there: the settings of a project come with it, from whoever wrote
// it.
type userConfig struct {
	KB struct {
		Sources []string `toml:"sources"` // of kb sync, asked in turn
		Keys    []string `toml:"keys"`    // verifier keys, see kb/sync.ParseKey
		OSV     []string `toml:"osv"`     // where kb refresh reads advisories
	} `toml:"kb"`
}

// maxUserConfig bounds the file, in bytes.
const maxUserConfig = 1 << 20

// userConfigFile names the user's file, empty if there is no place for it.
func userConfigFile(env *Env) string {
	dir := env.Getenv("XDG_CONFIG_HOME")
	switch {
	case env.GOOS == "windows":
		dir = env.Getenv("AppData")
	case filepath.IsAbs(dir):
	case env.HomeDir == "":
		return ""
	case env.GOOS == "darwin":
		dir = filepath.Join(env.HomeDir, "Library", "Application Support")
	default:
		dir = filepath.Join(env.HomeDir, ".config")
	}
	if !filepath.IsAbs(dir) {
		return ""
	}
	return filepath.Join(dir, "thamos", "config.toml")
}

// readUserConfig reads the user's file; one that is not there says nothing. What
// is wrong in it is the user's to mend, and a key that is not known is wrong.
func readUserConfig(env *Env) (userConfig, error) {
	var c userConfig
	name := userConfigFile(env)
	if name == "" {
		return c, nil
	}
	stat, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	if stat.Size() > maxUserConfig {
		return c, usagef("%s: larger than %d bytes", name, maxUserConfig)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return c, err
	}
	meta, err := toml.Decode(string(text), &c)
	var syntax toml.ParseError
	switch {
	case errors.As(err, &syntax):
		return c, usagef("%s:%d: %s", name, syntax.Position.Line, syntax.Message)
	case err != nil:
		return c, usagef("%s: %w", name, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return c, usagef("%s: unknown key %q (known are sources, keys and osv, in [kb])", name, unknown[0])
	}
	return c, nil
}

// keys are the pinned ones.
func (c userConfig) keys(env *Env, more []string) ([]sync.Key, error) {
	var keys []sync.Key
	for i, text := range append(append([]string{}, c.KB.Keys...), more...) {
		where := "--key"
		if i < len(c.KB.Keys) {
			where = userConfigFile(env)
		}
		k, err := sync.ParseKey(strings.TrimSpace(text))
		if err != nil {
			return nil, usagef("%s: %w", where, err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// howToTrust says what to do where nothing is configured.
func howToTrust(env *Env) string {
	name := userConfigFile(env)
	if name == "" {
		name = "thamos/config.toml in the folder of the user's configuration"
	}
	return fmt.Sprintf(`  thamos kb sync https://HOST/PATH --key NAME+HASH+KEY   a publication of `+"`thamos kb publish`"+`
  thamos kb sync DIR                                     the same in a folder
  thamos kb sync FILE.tar                                what `+"`thamos kb export`"+` wrote on another machine
  thamos kb sync FILE.db --allow-unsigned                one knowledge base, as `+"`thamos kb build`"+` makes it
or name sources and keys in %s:
  [kb]
  sources = ["https://HOST/PATH"]
  keys = ["NAME+HASH+KEY"]`, name)
}
