package solver

import (
	"regexp"
	"slices"
	"sync"
)

// A Class says why something failed, in a word.
type Class string

const (
	// What follows says nothing of the package: try again.
	ClassNetwork   Class = "network"   // an index did not answer; outside only
	ClassTimeout   Class = "timeout"   // it took longer than it may
	ClassMemory    Class = "oom"       // it needs more memory than it may have
	ClassDisk      Class = "disk"      // or more disk
	ClassProcesses Class = "processes" // or more processes
	ClassEngine    Class = "engine"    // the container engine failed
	ClassVoid      Class = "void"      // another package of the run spoiled it

	// What follows is of the image, not of the package.
	ClassTool     Class = "missing_build_tool" // such as a C compiler
	ClassNative   Class = "native_dependency"  // headers, libraries, CUDA
	ClassNoPython Class = "no_interpreter"

	// What follows is of the package.
	ClassNoArtifact Class = "no_compatible_artifact"
	ClassSyntax     Class = "python_version_syntax" // code of another Python
	ClassRemoved    Class = "removed_from_python"   // a module or name that this Python no longer has
	ClassModule     Class = "missing_build_module"  // its build imports what it does not declare
	ClassBackend    Class = "build_backend_error"
	ClassImport     Class = "import_error"
	ClassRequires   Class = "broken_requirements" // pip check
	ClassHash       Class = "hash_mismatch"
	ClassWheel      Class = "invalid_wheel"
	ClassArchive    Class = "hostile_archive" // leaves its place, or is a bomb
	ClassMetadata   Class = "wrong_metadata"  // of another project or version, or none
	ClassFlood      Class = "endless_output"
	ClassPermission Class = "permission" // it wants what no installation may do
	ClassExit       Class = "exits"      // ends the interpreter
	ClassCrash      Class = "crash"      // ends by a signal of its own
	ClassTest       Class = "test_failed"
	ClassCommand    Class = "command_failed" // of the user's, which is no test: see Job.Test
	ClassUnknown    Class = "unknown"
)

var (
	retryable = []Class{ClassNetwork, ClassTimeout, ClassMemory, ClassDisk, ClassProcesses, ClassEngine, ClassVoid}
	ofImage   = []Class{ClassTool, ClassNative, ClassNoPython}
)

// Retryable reports whether a failure says nothing and is to be tried again.
func (c Class) Retryable() bool { return slices.Contains(retryable, c) }

// OfImage reports whether a failure says something of the image only.
func (c Class) OfImage() bool { return slices.Contains(ofImage, c) }

// A pattern recognises a class by what was printed.
type pattern struct {
	class Class
	text  *regexp.Regexp
}

// patterns are tried in order: what says more of the cause comes first. The
// shares of failures that Thoth saw were half missing modules of builds, a sixth
// no file for the interpreter, then code of Python 2 and missing compilers. They are
// compiled by who asks: most runs of the program do not.
var patterns = sync.OnceValue(func() []pattern {
	return []pattern{
		{ClassProcesses, regexp.MustCompile(`BlockingIOError: \[Errno 11\]|can't start new thread|fork: (retry: )?Resource temporarily unavailable`)},
		{ClassDisk, regexp.MustCompile(`No space left on device|\[Errno 28\]|File too large|\[Errno 27\]`)},
		{ClassMemory, regexp.MustCompile(`(?m)^MemoryError|Cannot allocate memory|std::bad_alloc|exit code: -9\b|Signals\.SIGKILL`)},
		{ClassSyntax, regexp.MustCompile(`(?m)^\s*(SyntaxError|TabError|IndentationError)\b`)},
		{ClassHash, regexp.MustCompile(`THESE PACKAGES DO NOT MATCH THE HASHES`)},
		{ClassWheel, regexp.MustCompile(`is not a valid wheel filename|BadZipFile|has an invalid wheel|(?i)multiple \.dist-info directories|\.dist-info directory not found|Wheel .* is invalid|Invalid (script )?entry ?point`)},
		{ClassNoArtifact, regexp.MustCompile(`is not a supported wheel on this platform|Could not find a version that satisfies|No matching distribution found|requires a different Python|Python version >?=?[0-9.]+ (is )?required|requires Python '`)},
		{ClassTool, regexp.MustCompile(`(?i)command '?\S*(gcc|cc|g\+\+|clang)'? failed: No such file|unable to execute '\S+': No such file|error: \[Errno 2\] No such file or directory: '(cmake|make|ninja|gcc|cc|swig|git|cargo|rustc|meson|pkg-config|gfortran|nvcc|autoconf)'|(cargo|rust(c)?|cmake|meson|ninja).{0,40}(not found|is not installed|No such file)|error: can't find Rust compiler|Unknown compiler\(s\)|No CMAKE_C(XX)?_COMPILER could be found|: not found: (gcc|cc|make)|\b(git|gcc|make|cmake): (command )?not found`)},
		{ClassNative, regexp.MustCompile(`(?i)cannot open shared object file|CUDA (toolkit )?(was )?not found|nvcc .*not found|fatal error: \S+\.h: No such file|\w+-config: .*not found|\w+_config executable not found|No package '[^']+' found|No module named '?_(sqlite3|bz2|lzma|ctypes|ssl|tkinter|curses|dbm|gdbm|uuid|zoneinfo)'?|No module named '?tkinter'?`)},
		{ClassRemoved, regexp.MustCompile(`No module named '?(distutils|imp|asyncore|asynchat|smtpd|cgi|cgitb|pipes|crypt|telnetlib|nntplib|audioop|chunk|imghdr|mailcap|msilib|nis|ossaudiodev|sndhdr|spwd|sunau|uu|xdrlib|lib2to3|parser|formatter|symbol|binhex|macpath|asyncio\.compat|ConfigParser|urllib2|urlparse|StringIO|Queue|cStringIO|httplib|__builtin__|commands|HTMLParser|Tkinter)'?(\s|$)|cannot import name '(Mapping|MutableMapping|Iterable|Callable|Sequence|Hashable|Set|MutableSet|Mapping\w*|gcd|coroutine|getargspec|formatargspec)' from '(collections|fractions|asyncio\S*|inspect)'|module 'collections' has no attribute|module 'pkgutil' has no attribute 'ImpImporter'|module 'inspect' has no attribute|module 'time' has no attribute 'clock'|module 'platform' has no attribute '(linux_distribution|dist)'|module 'configparser' has no attribute 'SafeConfigParser'`)},
		{ClassPermission, regexp.MustCompile(`PermissionError|\[Errno 13\]|\[Errno 30\]|Read-only file system|Operation not permitted|\[Errno 1\] `)},
	}
})

var importFails = regexp.MustCompile(`(?m)^\s*(ModuleNotFoundError|ImportError)\b`)

// classify finds the class of a failed step by what it printed.
func classify(step string, text string) Class {
	for _, p := range patterns() {
		if p.text.MatchString(text) {
			return p.class
		}
	}
	switch step {
	case StepBuild:
		if importFails.MatchString(text) {
			return ClassModule
		}
		return ClassBackend
	case StepInstall:
		return ClassWheel
	case StepCheck:
		return ClassRequires
	case StepImport:
		return ClassImport
	case StepSmoke:
		return ClassTest
	}
	return ClassUnknown
}
