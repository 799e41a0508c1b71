package environment

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	thatInterpreter = "platform manylinux_2_36_x86_64 of that interpreter"
	thisMachine     = "platform manylinux_2_31_x86_64 of this machine"
)

// TestDetect is the order of the package comment, place by place.
func TestDetect(t *testing.T) {
	tests := []struct {
		name, world, request string
		want                 []string
	}{
		{"python3 on PATH", "python bin/python3 3.11.7\npython bin/python3.12 3.12.1\nenv PATH=$/bin", "",
			[]string{"Python 3.11.7 from $/bin/python3", thatInterpreter, "interpreter $/bin/python3", "starts 1"}},
		{"python where there is no python3", "python bin/python 3.11.7\nenv PATH=$/nowhere:$/bin", "",
			[]string{"Python 3.11.7 from $/bin/python", thatInterpreter, "interpreter $/bin/python", "starts 1"}},
		{"first directory of PATH wins", "python a/python3 3.10.1\npython b/python3 3.11.7\nenv PATH=$/b:$/a", "",
			[]string{"Python 3.11.7 from $/b/python3", thatInterpreter, "interpreter $/b/python3", "starts 1"}},
		{"a relative PATH is not followed", "python project/bin/python3 3.11.7\nenv PATH=bin:.", "requires=>=3.10",
			[]string{"Python 3.10.0 because the manifest asks for Python >=3.10; no such interpreter was found", thisMachine, "starts 0"}},
		{"what cannot be run is no program", "file bin/python3 3.11.7\nenv PATH=$/bin", "requires=>=3.10",
			[]string{"Python 3.10.0 because the manifest asks for Python >=3.10; no such interpreter was found", thisMachine, "starts 0"}},
		{"newest pythonX.Y that the manifest admits", "python bin/python3.11 3.11.7\nlink bin/python3 -> bin/python3.11\npython bin/python3.12 3.12.1\npython bin/python3.13 3.13.0\npython bin/python3.14 3.14.0\nenv PATH=$/bin", "requires=>=3.12,<3.14",
			[]string{"Python 3.13.0 from $/bin/python3.13", thatInterpreter, "interpreter $/bin/python3.13",
				"note: $/bin/python3 is Python 3.11, but the manifest asks for Python <3.14,>=3.12: it is passed over", "starts 1"}},
		{"python 2 is no python", "python bin/python2.7 2.7.18\nlink bin/python -> bin/python2.7\npython bin/python3.9 3.9.1\nenv PATH=$/bin", "",
			[]string{"Python 3.9.1 from $/bin/python3.9", thatInterpreter, "interpreter $/bin/python3.9", "starts 1"}},

		{"active virtual environment", "python bin/python3.11 3.11.7\nlink v/bin/python -> bin/python3.11\npython bin/python3 3.12.1\nenv VIRTUAL_ENV=$/v\nenv PATH=$/bin", "",
			[]string{"Python 3.11.7 from $/v/bin/python (active virtual environment)", thatInterpreter, "interpreter $/v/bin/python", "starts 1"}},
		{"active virtual environment before .venv and pin", "python bin/python3.11 3.11.7\nlink v/bin/python -> bin/python3.11\npython bin/python3.12 3.12.1\nlink project/.venv/bin/python -> bin/python3.12\nfile project/.python-version 3.12\nenv VIRTUAL_ENV=$/v", "",
			[]string{"Python 3.11.7 from $/v/bin/python (active virtual environment)", thatInterpreter, "interpreter $/v/bin/python", "starts 1"}},
		{"conda", "python c/bin/python3.10 3.10.9\nlink c/bin/python -> c/bin/python3.10\nenv CONDA_PREFIX=$/c\nenv CONDA_DEFAULT_ENV=work", "",
			[]string{"Python 3.10.9 from $/c/bin/python (active conda environment)", thatInterpreter, "interpreter $/c/bin/python", "starts 1"}},
		{"conda's base is no choice", "python c/bin/python 3.10.9\npython bin/python3.12 3.12.1\nlink project/.venv/bin/python -> bin/python3.12\nenv CONDA_PREFIX=$/c\nenv CONDA_DEFAULT_ENV=base", "",
			[]string{"Python 3.12.1 from .venv/bin/python", thatInterpreter, "interpreter $/project/.venv/bin/python", "starts 1"}},
		{"active environment is gone", "python bin/python3 3.11.7\nenv VIRTUAL_ENV=$/gone\nenv PATH=$/bin", "",
			[]string{"Python 3.11.7 from $/bin/python3", thatInterpreter, "interpreter $/bin/python3",
				"note: VIRTUAL_ENV is $/gone, but there is no such directory: it is passed over", "starts 1"}},
		{"the Python of .venv is gone", "link project/.venv/bin/python -> gone/python\npython bin/python3 3.11.7\nenv PATH=$/bin", "",
			[]string{"Python 3.11.7 from $/bin/python3", thatInterpreter, "interpreter $/bin/python3",
				"note: the project has a .venv, but it has no interpreter, or one whose installation is gone: it is passed over", "starts 1"}},
		{"the manifest excludes .venv", "python bin/python3.11 3.11.7\nlink project/.venv/bin/python -> bin/python3.11\nfile project/.venv/pyvenv.cfg home = x\\nversion = 3.11.7\npython bin/python3 3.12.1\nenv PATH=$/bin", "requires===3.12.*",
			[]string{"Python 3.12.1 from $/bin/python3", thatInterpreter, "interpreter $/bin/python3",
				"note: .venv/bin/python is Python 3.11.7, but the manifest asks for Python ==3.12.*: it is passed over", "starts 1"}},
		{"the answer tells that the manifest excludes it", "python bin/python3 3.11.7\npython bin/python3.12 3.12.1\nenv PATH=$/bin", "requires===3.12.*",
			[]string{"Python 3.12.0 because the manifest asks for Python ==3.12.*; $/bin/python3.12 may be one, but only one interpreter is started", thisMachine,
				"note: $/bin/python3 is Python 3.11.7, but the manifest asks for Python ==3.12.*: it is passed over", "starts 1"}},

		{"a program of the project is not started", "python project/.venv/bin/python 3.11.7\nfile project/.venv/pyvenv.cfg home = x\\nimplementation = CPython\\nversion_info = 3.11.7.final.0\nenv PATH=$/bin", "",
			[]string{"Python 3.11.7 from .venv/bin/python, which was not started", thisMachine, "interpreter $/project/.venv/bin/python", "starts 0"}},
		{"nor a program that is no Python", "script bin/sh echo\nlink project/.venv/bin/python -> bin/sh\npython bin/python3 3.12.1\nenv PATH=$/bin", "",
			[]string{"Python 3.12.1 from $/bin/python3", thatInterpreter, "interpreter $/bin/python3",
				"note: .venv/bin/python is not started, for it is a program of the project's own and no installed Python; activate the environment, or name it with --python", "starts 1"}},
		{"activating it is consent", "python project/.venv/bin/python 3.11.7\nenv VIRTUAL_ENV=$/project/.venv", "",
			[]string{"Python 3.11.7 from .venv/bin/python (active virtual environment)", thatInterpreter, "interpreter $/project/.venv/bin/python", "starts 1"}},

		{"pin", "file project/.python-version # ours\\n3.12 # yes\npython bin/python3 3.11.7\npython bin/python3.12 3.12.1\nenv PATH=$/bin", "",
			[]string{"Python 3.12.1 from $/bin/python3.12 (.python-version)", thatInterpreter, "interpreter $/bin/python3.12", "starts 1"}},
		{"pin and links", "file project/.python-version 3.12\npython bin/python3.11 3.11.7\nlink bin/python3 -> bin/python3.11\npython bin/python3.12 3.12.1\nenv PATH=$/bin", "",
			[]string{"Python 3.12.1 from $/bin/python3.12 (.python-version)", thatInterpreter, "interpreter $/bin/python3.12", "starts 1"}},
		{"pin, above", "file .python-version cpython-3.12.4-linux-x86_64-gnu", "",
			[]string{"Python 3.12.4 because $/.python-version says 3.12.4; no such interpreter was found", thisMachine, "starts 0"}},
		{"pin, pyenv's newest", "file project/.python-version 3.12\npython home/.pyenv/versions/3.12.9/bin/python 3.12.9\npython home/.pyenv/versions/3.12.10/bin/python 3.12.10\npython home/.pyenv/versions/3.12-dev/bin/python 3.12.11\npython home/.pyenv/versions/3.12.0t/bin/python 3.12.0 t", "",
			[]string{"Python 3.12.10 from $/home/.pyenv/versions/3.12.10/bin/python (.python-version)", thatInterpreter, "interpreter $/home/.pyenv/versions/3.12.10/bin/python", "starts 1"}},
		{"pin, free threads", "file project/.python-version 3.13t\npython home/.pyenv/versions/3.13.1/bin/python 3.13.1\npython home/.pyenv/versions/3.13.0t/bin/python 3.13.0 t", "",
			[]string{"Python 3.13.0t from $/home/.pyenv/versions/3.13.0t/bin/python (.python-version)", thatInterpreter, "cpython 3.13.0 free-threaded true debug false", "interpreter $/home/.pyenv/versions/3.13.0t/bin/python", "starts 1"}},
		{"pin, PyPy", "file project/.python-version pypy3.10\npython home/.pyenv/versions/3.10.1/bin/python 3.10.1\npython home/.pyenv/versions/pypy3.10-7.3.15/bin/python 3.10.13 pypy", "",
			[]string{"Python pypy3.10.13 from $/home/.pyenv/versions/pypy3.10-7.3.15/bin/python (.python-version)", thatInterpreter, "pypy 3.10.13 free-threaded false debug false", "interpreter $/home/.pyenv/versions/pypy3.10-7.3.15/bin/python", "starts 1"}},
		{"pin, uv's", "file project/.python-version 3.12\npython home/.local/share/uv/python/cpython-3.12.4-linux-x86_64-gnu/bin/python 3.12.4", "",
			[]string{"Python 3.12.4 from $/home/.local/share/uv/python/cpython-3.12.4-linux-x86_64-gnu/bin/python (.python-version)", thatInterpreter, "interpreter $/home/.local/share/uv/python/cpython-3.12.4-linux-x86_64-gnu/bin/python", "starts 1"}},
		{"pin, environment of pyenv", "file project/.python-version my-app\npython p/versions/my-app/bin/python 3.12.4\nenv PYENV_ROOT=$/p", "",
			[]string{"Python 3.12.4 from $/p/versions/my-app/bin/python (.python-version)", thatInterpreter, "interpreter $/p/versions/my-app/bin/python", "starts 1"}},
		{"pin, the manifest excludes the first line", "file project/.python-version 3.11\\n3.12\n", "requires=>=3.12",
			[]string{"Python 3.12.0 because .python-version says 3.12; no such interpreter was found", thisMachine,
				"note: .python-version says Python 3.11, but the manifest asks for Python >=3.12: it is passed over", "starts 0"}},
		{"pin, the manifest wants a patch level", "file project/.python-version 3.12\n", "requires=>=3.12.3",
			[]string{"Python 3.12.3 because .python-version says 3.12; no such interpreter was found", thisMachine, "starts 0"}},
		{"pin that leads out", "file project/.python-version ../../evil\npython home/evil/bin/python 3.12.4\nfile home/.pyenv/versions/x/y z", "requires=>=3.12",
			[]string{"Python 3.12.0 because the manifest asks for Python >=3.12; no such interpreter was found", thisMachine,
				`note: .python-version says "../../evil", which is no supported version of Python and no environment of pyenv: it is passed over`, "starts 0"}},
		{"system", "file project/.python-version system\npython bin/python3 3.11.7\nenv PATH=$/bin", "",
			[]string{"Python 3.11.7 from $/bin/python3", thatInterpreter, "interpreter $/bin/python3", "starts 1"}},
		{"PYENV_VERSION before the file", "file project/.python-version 3.11\nenv PYENV_VERSION=3.12.4:3.11", "",
			[]string{"Python 3.12.4 because PYENV_VERSION says 3.12.4; no such interpreter was found", thisMachine, "starts 0"}},

		{"shims stand for pyenv's own choice", "script p/shims/python3 exit 1\nfile p/version 3.11.7\npython p/versions/3.11.7/bin/python3.11 3.11.7\nlink p/versions/3.11.7/bin/python3 -> p/versions/3.11.7/bin/python3.11\nlink p/versions/3.11.7/bin/python -> p/versions/3.11.7/bin/python3.11\nenv PYENV_ROOT=$/p\nenv PATH=$/p/shims", "",
			[]string{"Python 3.11.7 from $/p/versions/3.11.7/bin/python3", thatInterpreter, "interpreter $/p/versions/3.11.7/bin/python3", "starts 1"}},
		{"pyenv has what PATH has not", "python home/.pyenv/versions/3.9.18/bin/python 3.9.18\npython home/.pyenv/versions/3.10.13/bin/python 3.10.13\npython home/.pyenv/versions/3.11.7/bin/python 3.11.7\npython bin/python3.12 3.12.1\nlink bin/python3 -> bin/python3.12\nenv PATH=$/bin", "requires=<3.11",
			[]string{"Python 3.10.13 from $/home/.pyenv/versions/3.10.13/bin/python", thatInterpreter, "interpreter $/home/.pyenv/versions/3.10.13/bin/python",
				"note: $/bin/python3 is Python 3.12, but the manifest asks for Python <3.11: it is passed over", "starts 1"}},
		{"the second interpreter is taken by its name", "python home/.pyenv/versions/3.11.9/bin/python 3.11.9\npython bin/python3 3.11.2\nenv PATH=$/bin", "requires=>=3.11.5",
			[]string{"Python 3.11.9 from $/home/.pyenv/versions/3.11.9/bin/python, which was not started", thisMachine, "interpreter $/home/.pyenv/versions/3.11.9/bin/python",
				"note: $/bin/python3 is Python 3.11.2, but the manifest asks for Python >=3.11.5: it is passed over", "starts 1"}},

		{"wish", "", "requires===3.9.*", []string{"Python 3.9.0 because the manifest asks for Python ==3.9.*; no such interpreter was found", thisMachine, "starts 0"}},
		{"wish with a patch level", "", "requires=>3.9.1,!=3.9.2", []string{"Python 3.9.3 because the manifest asks for Python !=3.9.2,>3.9.1; no such interpreter was found", thisMachine, "starts 0"}},
		{"wish of one release", "", "requires===3.15.0rc1", []string{"Python 3.15.0rc1 because the manifest asks for Python ==3.15.0rc1; no such interpreter was found", thisMachine, "starts 0"}},
		{"wish of one release with two numbers", "", "requires===3.10", []string{"Python 3.10.0 because the manifest asks for Python ==3.10; no such interpreter was found", thisMachine, "starts 0"}},
		{"wish of an old Python", "", "requires=>=2.7", []string{"Python 3.8.0 because the manifest asks for Python >=2.7; no such interpreter was found", thisMachine, "starts 0"}},
		{"wish that none fulfils", "", "requires=<3", []string{"error: the manifest asks for Python <3, which none from 3.8 to 3.15 is, and no such interpreter was found: change the manifest", "starts 0"}},
		{"nothing at all", "", "", []string{"error: no Python was found, and the manifest does not say which it asks for: say one with --python-version, such as --python-version 3.12", "starts 0"}},

		{"--python-version", "python bin/python3 3.11.7\nenv PATH=$/bin", "--python-version=3.12", []string{"Python 3.12.0 from --python-version", thisMachine, "starts 0"}},
		{"--python-version, lowest patch level", "", "--python-version=3.12 requires=>=3.12.4", []string{"Python 3.12.4 from --python-version", thisMachine, "starts 0"}},
		{"--python-version, conflict", "", "--python-version=3.11 requires=>=3.12", []string{"conflict: --python-version 3.11 means Python 3.11, but the manifest asks for Python >=3.12: change the flag or the manifest", "starts 0"}},
		{"--python-version, conflict of patch level", "", "--python-version=3.12.1 requires=>=3.12.4", []string{"conflict: --python-version 3.12.1 means Python 3.12.1, but the manifest asks for Python >=3.12.4: change the flag or the manifest", "starts 0"}},
		{"--python-version, free threads", "", "--python-version=3.13t", []string{"Python 3.13.0t from --python-version", thisMachine, "cpython 3.13.0 free-threaded true debug false", "starts 0"}},
		{"--python-version, nonsense", "", "--python-version=latest", []string{`error: --python-version: "latest" is not a Python version such as 3.12 or 3.12.4: a number was expected`, "starts 0"}},
		{"--python-version, one number", "", "--python-version=3", []string{"error: --python-version 3: two numbers are needed, such as 3.12", "starts 0"}},
		{"--python-version, too old", "", "--python-version=2.7", []string{`error: --python-version: "2.7" is not a Python version such as 3.12 or 3.12.4: 3.6 is the oldest that is supported`, "starts 0"}},
		{"--python-version and --python", "python m/python3 3.11.7 musl", "--python-version=3.12 --python=$/m/python3", []string{"Python 3.12.0 from --python-version", "platform musllinux_1_2_x86_64 of $/m/python3", "starts 1"}},
		{"both flags start nothing", "python m/python3 3.11.7", "--python-version=3.12 --python=$/m/python3 --platform=manylinux_2_28_aarch64", []string{"Python 3.12.0 from --python-version", "platform manylinux_2_28_aarch64 from --platform", "starts 0"}},
		{"two versions", "", "--python-version=3.12 --python=3.11", []string{"error: --python 3.11 and --python-version 3.12 both name a version: give one of them", "starts 0"}},

		{"--python with a path", "python bin/python3 3.11.7\npython x/py 3.12.1\nenv PATH=$/bin", "--python=../x/py", []string{"Python 3.12.1 from $/x/py (--python)", thatInterpreter, "interpreter $/x/py", "starts 1"}},
		{"--python with an environment", "python project/.venv/bin/python 3.12.1", "--python=.venv", []string{"Python 3.12.1 from .venv/bin/python (--python)", thatInterpreter, "interpreter $/project/.venv/bin/python", "starts 1"}},
		{"--python with a name", "python bin/python3 3.11.7\npython bin/python3.12 3.12.1\nenv PATH=$/bin", "--python=python3.12", []string{"Python 3.12.1 from $/bin/python3.12 (--python)", thatInterpreter, "interpreter $/bin/python3.12", "starts 1"}},
		{"--python with a name the project has, too", "python project/python3/bin/python 3.12.1\npython bin/python3 3.11.7\nenv PATH=$/bin", "--python=python3", []string{"Python 3.11.7 from $/bin/python3 (--python)", thatInterpreter, "interpreter $/bin/python3", "starts 1"}},
		{"--python with a version", "python bin/python3.11 3.11.7\nlink bin/python3 -> bin/python3.11\npython home/.pyenv/versions/3.12.1/bin/python 3.12.1\nenv PATH=$/bin", "--python=3.12", []string{"Python 3.12.1 from $/home/.pyenv/versions/3.12.1/bin/python", thatInterpreter, "interpreter $/home/.pyenv/versions/3.12.1/bin/python", "starts 1"}},
		{"what is noted is noted once", "env VIRTUAL_ENV=$/gone", "--python=3.12", []string{"Python 3.12.0 because --python 3.12 asks for it; no such interpreter was found", thisMachine,
			"note: VIRTUAL_ENV is $/gone, but there is no such directory: it is passed over", "starts 0"}},
		{"--python with a version that is not there", "", "--python=3.12.4", []string{"Python 3.12.4 because --python 3.12.4 asks for it; no such interpreter was found", thisMachine, "starts 0"}},
		{"--python, conflict of version", "", "--python=3.11 requires=>=3.12", []string{"conflict: --python 3.11 means Python 3.11, but the manifest asks for Python >=3.12: change the flag or the manifest", "starts 0"}},
		{"--python, conflict of interpreter", "python x/py 3.11.7", "--python=$/x/py requires=>=3.12", []string{"conflict: --python $/x/py means Python 3.11.7, but the manifest asks for Python >=3.12: change the flag or the manifest", "starts 1"}},
		{"--python that is not there", "", "--python=./x", []string{"error: --python ./x: it is no version such as 3.12, no program on PATH or in this place, and no environment with one", "starts 0"}},

		{"--platform", "python bin/python3 3.11.7\nenv PATH=$/bin", "--platform=win_amd64", []string{"Python 3.11.7 from $/bin/python3", "platform win_amd64 from --platform", "interpreter $/bin/python3", "starts 1"}},
		{"musl on a glibc host", "python bin/python3 3.11.7 musl\nenv PATH=$/bin", "", []string{"Python 3.11.7 from $/bin/python3", "platform musllinux_1_2_x86_64 of that interpreter", "interpreter $/bin/python3", "starts 1"}},
		{"another implementation", "python bin/python3 3.11.7 graalpy\nenv PATH=$/bin", "", []string{"error: interpreter $/bin/python3: it is graalpy, and only CPython and PyPy are supported; choose another with --python, or say the version with --python-version", "starts 1"}},
		{"another implementation, but a wish", "python bin/python3 3.11.7 graalpy\nenv PATH=$/bin", "requires=>=3.11", []string{"Python 3.11.0 because the manifest asks for Python >=3.11; no such interpreter was found", thisMachine,
			"note: interpreter $/bin/python3: it is graalpy, and only CPython and PyPy are supported; choose another with --python, or say the version with --python-version", "starts 1"}},
		{"too old", "python bin/python3 3.5.2\nenv PATH=$/bin", "", []string{"error: interpreter $/bin/python3: it is Python 3.5.2, and 3.6 is the oldest that is supported; choose another with --python, or say the version with --python-version", "starts 1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, test.world)
			t.Chdir(w.path("project")) // as the user would; relative places are the project's
			got := w.detect(test.request)
			if diff := cmp.Diff(strings.Join(test.want, "\n")+"\n", got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestBothFlagsReadNothing removes all there is to read.
func TestBothFlagsReadNothing(t *testing.T) {
	w := newWorld(t, "")
	if err := os.RemoveAll(w.root); err != nil {
		t.Fatal(err)
	}
	w.host.goos = "plan9"
	want := "Python 3.12.4 from --python-version\nplatform win_amd64 from --platform\nstarts 0\n"
	if got := w.detect("--python-version=3.12.4 --platform=win_amd64 cache"); got != want {
		t.Errorf("got %s", got)
	}
	if _, err := os.Stat(w.root); !os.IsNotExist(err) {
		t.Errorf("something was written: %v", err)
	}
}
