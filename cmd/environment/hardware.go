package environment

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/thamos/thamos/kb/py"
)

// Bounds of what is read of one system file. A processor takes 1.5 kB of
// /proc/cpuinfo; on old ARM what it can do stands after all of them.
const (
	maxRelease = 64 << 10
	maxCPUInfo = 1 << 20
	maxHeader  = 256 << 10
	maxGPUs    = 64
)

// hardware returns what the machine's files say of it beside its platform.
// Nothing is started: what only nvcc, lspci or rpm would say is not known.
func (h host) hardware(getenv func(string) string) py.Host {
	m := unknownHost()
	m.BaseImage = baseImage(getenv)
	switch h.goos {
	case "linux":
		m.OS, m.OSVersion = h.osRelease()
		m.CPUFamily, m.CPUModel, m.CPUFlags = h.processor()
		m.GPUs = h.gpus()
		m.CuDNN = h.cudnn()
		if getenv("THAMOS_DISABLE_CUDA") != "1" {
			m.CUDA = h.cuda()
		}
	case "darwin":
		m.OS = h.goos
		if major, minor := h.macOS(); major > 0 {
			m.OSVersion = strconv.Itoa(major) + "." + strconv.Itoa(minor)
		}
	case "windows":
		m.OS = h.goos
	}
	return m
}

// unknownHost is the Host of which nothing is known.
func unknownHost() py.Host { return py.Host{CPUFamily: -1, CPUModel: -1} }

// baseImage returns the container image that its environment names, as Thoth's
// images do. Half a name is none: IMAGE_NAME alone is a common variable.
func baseImage(getenv func(string) string) string {
	name, tag := getenv("IMAGE_NAME"), getenv("IMAGE_TAG")
	if name == "" {
		name = getenv("THOTH_S2I_NAME")
	}
	if version := getenv("THOTH_S2I_VERSION"); tag == "" && version != "" {
		tag = "v" + version
	}
	if name == "" || tag == "" {
		return ""
	}
	return name + ":" + tag
}

// osRelease returns ID and VERSION_ID of os-release(5). The second place counts
// where the first file is not there.
func (h host) osRelease() (id, version string) {
	data := h.read("/etc/os-release", maxRelease)
	if data == nil {
		data = h.read("/usr/lib/os-release", maxRelease)
	}
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "ID":
			id = strings.ToLower(unquote(value))
		case "VERSION_ID":
			version = unquote(value)
		}
	}
	return id, version
}

// unquote returns the value of a shell-like assignment: os-release(5) allows
// quotes and backslashes, and no expansion.
func unquote(value string) string {
	if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		value = value[1 : n-1]
	}
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] == '\\' && i+1 < len(value) {
			i++
		}
		b.WriteByte(value[i])
	}
	return b.String()
}

// processor returns what /proc/cpuinfo says of the first processor. Family and model
// are Intel's and AMD's; other makers number in other ways. Under emulation the
// file may be that of the machine beneath, whose words are not looked for.
func (h host) processor() (family, model int, flags []string) {
	intel := h.goarch == "amd64" || h.goarch == "386"
	able := "features"
	if intel {
		able = "flags"
	}
	said := map[string]string{}
	for line := range strings.Lines(string(h.read("/proc/cpuinfo", maxCPUInfo))) {
		key, value, ok := strings.Cut(line, ":")
		key = strings.ToLower(strings.TrimSpace(key))
		if _, twice := said[key]; ok && !twice {
			said[key] = strings.TrimSpace(value)
		}
	}
	family, model = -1, -1
	if intel {
		family, model = number(said["cpu family"]), number(said["model"])
	}
	if flags = strings.Fields(strings.ToLower(said[able])); len(flags) == 0 {
		return family, model, nil
	}
	slices.Sort(flags)
	return family, model, slices.Compact(flags)
}

// number returns a number of /proc/cpuinfo, -1 if it is none.
func number(text string) int {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return -1
	}
	return int(n)
}

var (
	cudaJSON    = regexp.MustCompile(`"cuda"\s*:\s*\{[^{}]*"version"\s*:\s*"([0-9]{1,4}\.[0-9]{1,4})[0-9.]*"`)
	cudaText    = regexp.MustCompile(`(?m)^CUDA Version ([0-9]{1,4}\.[0-9]{1,4})[0-9.]*\s*$`)
	cudnnDefine = regexp.MustCompile(`(?m)^[ \t]*#[ \t]*define[ \t]+CUDNN_(MAJOR|MINOR|PATCHLEVEL)[ \t]+([0-9]{1,4})\b`)
)

// cuda returns the version of the CUDA toolkit as nvcc has it: two numbers, for
// the third of its files is a build that no rule means. The version up to which
// a driver could run CUDA is not that of one that is installed.
func (h host) cuda() string {
	if m := cudaJSON.FindSubmatch(h.read("/usr/local/cuda/version.json", maxHeader)); m != nil {
		return string(m[1])
	}
	if m := cudaText.FindSubmatch(h.read("/usr/local/cuda/version.txt", maxHeader)); m != nil {
		return string(m[1])
	}
	return ""
}

// cudnn returns the version of the first header of cuDNN; before version 8 the
// numbers were in cudnn.h.
func (h host) cudnn() string {
	dirs := []string{"/usr/local/cuda/include", "/usr/include"}
	for _, t := range triplets[h.goarch] {
		dirs = append(dirs, path.Join("/usr/include", t))
	}
	for _, dir := range dirs {
		for _, name := range []string{"cudnn_version.h", "cudnn.h"} {
			said := map[string]string{}
			for _, m := range cudnnDefine.FindAllSubmatch(h.read(path.Join(dir, name), maxHeader), -1) {
				said[string(m[1])] = string(m[2])
			}
			if len(said) == 3 {
				return said["MAJOR"] + "." + said["MINOR"] + "." + said["PATCHLEVEL"]
			}
		}
	}
	return ""
}
