package py

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMarkerValues(t *testing.T) {
	tests := []struct {
		name string
		env  Environment
		want map[string]string
	}{
		{"CPython on linux", Environment{
			Implementation: "cpython", Python: mustVersion(t, "3.13.0rc2"),
			Platform: Platform{OS: "linux", Machine: "aarch64", Libc: "musl", Major: 1, Minor: 2, Release: "6.1.0", Version: "#1 SMP"},
		}, map[string]string{
			"implementation_name": "cpython", "implementation_version": "3.13.0rc2", "os_name": "posix", "platform_machine": "aarch64",
			"platform_python_implementation": "CPython", "platform_release": "6.1.0", "platform_system": "Linux", "platform_version": "#1 SMP",
			"python_full_version": "3.13.0rc2", "python_version": "3.13", "sys_platform": "linux",
		}},
		{"PyPy on macOS", Environment{
			Implementation: "pypy", Python: mustVersion(t, "3.10.14"), ImplementationVersion: mustVersion(t, "7.3.17"),
			Platform: Platform{OS: "darwin", Machine: "arm64", Major: 14},
		}, map[string]string{
			"implementation_name": "pypy", "implementation_version": "7.3.17", "os_name": "posix", "platform_machine": "arm64",
			"platform_python_implementation": "PyPy", "platform_release": "", "platform_system": "Darwin", "platform_version": "",
			"python_full_version": "3.10.14", "python_version": "3.10", "sys_platform": "darwin",
		}},
		{"a version of two numbers on Windows", Environment{
			Implementation: "cpython", Python: mustVersion(t, "3.9"), Platform: Platform{OS: "windows", Machine: "AMD64", Release: "10", Version: "10.0.19045"},
		}, map[string]string{
			"implementation_name": "cpython", "implementation_version": "3.9.0", "os_name": "nt", "platform_machine": "AMD64",
			"platform_python_implementation": "CPython", "platform_release": "10", "platform_system": "Windows", "platform_version": "10.0.19045",
			"python_full_version": "3.9.0", "python_version": "3.9", "sys_platform": "win32",
		}},
		{"nothing known", Environment{}, map[string]string{
			"implementation_name": "", "implementation_version": "", "os_name": "", "platform_machine": "",
			"platform_python_implementation": "", "platform_release": "", "platform_system": "", "platform_version": "",
			"python_full_version": "", "python_version": "", "sys_platform": "",
		}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, test.env.MarkerValues()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	for python, want := range map[string][2]string{
		"3": {"3.0", "3.0.0"}, "3.12": {"3.12", "3.12.0"}, "3.15a1": {"3.15", "3.15.0a1"}, "3.12.1.2": {"3.12", "3.12.1.2"},
		"3.13.0+local": {"3.13", "3.13.0+local"},
	} {
		env := Environment{Python: mustVersion(t, python)}
		got := env.MarkerValues()
		if got["python_version"] != want[0] || got["python_full_version"] != want[1] {
			t.Errorf("Python %s is %s and %s, want %s", python, got["python_version"], got["python_full_version"], want)
		}
	}
}
