package py

import "strings"

// An Environment is one Python on one platform: what markers and wheel tags
// are judged against.
type Environment struct {
	Implementation string  // sys.implementation.name: "cpython", "pypy"
	Python         Version // the full version, such as 3.12.4
	FreeThreaded   bool    // ABI flag t
	Debug          bool    // ABI flag d
	Platform       Platform

	// ImplementationVersion is sys.implementation.version where it is not the
	// version of Python, such as PyPy's 7.3.20. Zero means that it is.
	ImplementationVersion Version
}

// MarkerValues returns the eleven variables of PEP 508 that an environment
// decides, by name.
func (e *Environment) MarkerValues() map[string]string {
	v := e.values()
	m := make(map[string]string, extraName)
	for i := implementationName; i < extraName; i++ {
		m[variableNames[i]] = v.text[i]
	}
	return m
}

// values are the variables of markers in e. Only where Python's version is
// given with fewer than three numbers does it allocate.
func (e *Environment) values() values {
	var v values
	v.text[implementationName] = e.Implementation
	v.text[platformPythonImplementation] = implementationWord(e.Implementation)
	full := fullVersion(e.Python.text)
	v.text[pythonFullVersion] = full
	v.text[implementationVersion] = full
	if !e.ImplementationVersion.IsZero() {
		v.text[implementationVersion] = e.ImplementationVersion.text
	}
	v.fullKey = e.Python.key // trailing zeros do not change it
	major, minor := majorMinor(full)
	v.text[pythonVersion] = releaseText(full)[:len(major)+len(minor)+min(1, len(minor))]
	v.minorLen = minorKey(&v.minorKey, major, minor)

	p := &e.Platform
	v.text[platformMachine] = p.Machine
	v.text[platformRelease] = p.Release
	v.text[platformVersion] = p.Version
	switch p.OS {
	case "linux":
		v.text[osName], v.text[sysPlatform], v.text[platformSystem] = "posix", "linux", "Linux"
	case "darwin":
		v.text[osName], v.text[sysPlatform], v.text[platformSystem] = "posix", "darwin", "Darwin"
	case "windows":
		v.text[osName], v.text[sysPlatform], v.text[platformSystem] = "nt", "win32", "Windows"
	}
	return v
}

// implementationWord is platform.python_implementation() for a
// sys.implementation.name.
func implementationWord(name string) string {
	switch name {
	case "cpython":
		return "CPython"
	case "pypy":
		return "PyPy"
	case "graalpy":
		return "GraalVM"
	}
	return name
}

// fullVersion is a normalised version with three numbers or more, as
// platform.python_version() always has them.
func fullVersion(text string) string {
	base := baseText(text)
	switch strings.Count(base, ".") {
	case 0:
		if base == "" {
			return ""
		}
		return base + ".0.0" + text[len(base):]
	case 1:
		return base + ".0" + text[len(base):]
	}
	return text
}

// majorMinor returns the first two numbers of a full version.
func majorMinor(full string) (major, minor string) {
	major, rest, _ := strings.Cut(releaseText(full), ".")
	minor, _, _ = strings.Cut(rest, ".")
	return major, minor
}

// minorKey writes the key of the version major.minor and returns its length, or
// 0 if it does not fit, which no Python's does.
func minorKey(buf *[32]byte, major, minor string) int {
	if major == "" {
		return 0
	}
	key := append(buf[:0], keyNumber) // epoch 0
	if minor != "0" || major != "0" {
		key = appendNumber(key, major)
	}
	if minor != "0" {
		key = appendNumber(key, minor)
	}
	key = append(key, keyFinal, keyEnd)
	if len(key) > len(buf) {
		return 0
	}
	return len(key)
}
