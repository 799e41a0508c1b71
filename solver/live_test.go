package solver

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/thamos/thamos/solver/base"
)

// requireEngine says that there must be an engine: without it the tests that
// need one skip, with the reason, and nobody notices.
const requireEngine = "THAMOS_REQUIRE_ENGINE"

// engineEnv is what an engine gets of the environment.
func engineEnv() []string {
	var env []string
	for _, k := range []string{"PATH", "HOME", "XDG_RUNTIME_DIR", "CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF", "DOCKER_HOST"} {
		if v, ok := os.LookupEnv(k); ok {
			env = append(env, k+"="+v)
		}
	}
	return env
}

func testToken() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

func testOptions(temp string) Options {
	return Options{
		Look: exec.LookPath, Env: engineEnv(), Temp: temp, Owner: "test-" + testToken()[:8], Token: testToken,
		Engine: os.Getenv("THAMOS_TEST_ENGINE"), Image: "localhost/thamos-test:" + base.Version,
	}
}

var (
	liveOnce sync.Once
	liveBox  *Sandbox
	liveErr  error
	liveTemp string
)

// live is a sandbox on a real engine, with an image that is made once and kept.
func live(t testing.TB) *Sandbox {
	t.Helper()
	liveOnce.Do(func() {
		if liveTemp, liveErr = os.MkdirTemp("", "thamos-solver-test-"); liveErr == nil {
			liveBox, liveErr = openLive(context.Background(), testOptions(liveTemp))
		}
	})
	if liveErr != nil {
		if os.Getenv(requireEngine) != "" {
			t.Fatal(liveErr)
		}
		t.Skip(liveErr)
	}
	return liveBox
}

func openLive(ctx context.Context, o Options) (*Sandbox, error) {
	s, err := Open(ctx, o)
	var noImage *NoImageError
	if !errors.As(err, &noImage) {
		return s, err
	}
	e, err := Find(ctx, o)
	if err != nil {
		return nil, err
	}
	shell, err := exec.LookPath("sh")
	if err != nil {
		return nil, err
	}
	tar, err := base.Make(ctx, base.Options{Shell: shell, Env: engineEnv(), Temp: o.Temp})
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(filepath.Dir(tar))
	if _, err := e.Import(ctx, tar, o.Image, base.Version); err != nil {
		return nil, err
	}
	return Open(ctx, o)
}

func TestMain(m *testing.M) {
	os.Exit(func() int {
		code := m.Run()
		if liveTemp != "" {
			os.RemoveAll(liveTemp)
		}
		return code
	}())
}

func TestOpen(t *testing.T) {
	s := live(t)
	t.Logf("%s, image %s, Python %s on %s %s", s.Engine.Version, s.Image.ID[:12], s.Interpreter.Version, s.Interpreter.Libc, s.Interpreter.LibcVersion)
	if !s.Image.Own || s.Interpreter.Implementation != "cpython" || !strings.HasPrefix(s.Interpreter.Version, "3.") {
		t.Errorf("%+v %+v", s.Image, s.Interpreter)
	}
	if !s.hasDist("pip", "20") || !s.hasDist("setuptools", "40") {
		t.Errorf("dists: %v", s.dists)
	}
}
