package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/thamos/thamos/kb/sync"
	"github.com/thamos/thamos/lockfile"
)

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
// is wrong in it is the user's to mend. Whom to trust stands only there: the
// settings of a project come with it, from whoever wrote it.
func readUserConfig(env *Env) (*lockfile.UserConfig, error) {
	name := userConfigFile(env)
	if name == "" {
		return new(lockfile.UserConfig), nil
	}
	c, err := lockfile.ReadUserConfig(os.DirFS(filepath.Dir(name)), filepath.Base(name))
	if errors.Is(err, fs.ErrNotExist) {
		return new(lockfile.UserConfig), nil
	}
	if e, ok := errors.AsType[*lockfile.Error](err); ok {
		e.Pos.File = name
	}
	return c, err
}

// textsOf are the texts by themselves.
func textsOf(all []lockfile.Placed) []string {
	var texts []string
	for _, p := range all {
		texts = append(texts, p.Text)
	}
	return texts
}

// trustedKeys are the pinned ones of the user's file, and those of flags.
func trustedKeys(env *Env, c *lockfile.UserConfig, flags []string) ([]sync.Key, error) {
	var keys []sync.Key
	for i, text := range append(textsOf(c.Keys), flags...) {
		k, err := sync.ParseKey(strings.TrimSpace(text))
		switch {
		case err == nil:
			keys = append(keys, k)
		case i < len(c.Keys):
			at := c.Keys[i].Pos
			at.File = userConfigFile(env)
			return nil, usagef("%s: %w", at, err)
		default:
			return nil, usagef("--key: %w", err)
		}
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
