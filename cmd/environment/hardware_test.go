package environment

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thamos/thamos/kb/py"
)

func TestHardware(t *testing.T) {
	const (
		gpus    = "proc/driver/nvidia/gpus/"
		toolkit = "usr/local/cuda/"
		defines = "#define CUDNN_MAJOR 8\n#define CUDNN_MINOR 1\n#define CUDNN_PATCHLEVEL 0\n#define CUDNN_VERSION (CUDNN_MAJOR * 1000)\n"
	)
	for _, test := range []struct {
		name   string
		system string // linux/amd64 if empty
		files  map[string]string
		env    map[string]string
		want   py.Host
	}{
		{name: "nothing"},
		{name: "macOS", system: "darwin/arm64", files: map[string]string{
			"etc/os-release": "ID=odd\n",
			"System/Library/CoreServices/SystemVersion.plist": "<key>ProductVersion</key><string>14.6.1</string>",
		}, want: py.Host{OS: "darwin", OSVersion: "14.6"}},
		{name: "macOS of no known version", system: "darwin/arm64", want: py.Host{OS: "darwin"}},
		{name: "Windows", system: "windows/amd64", files: map[string]string{"proc/cpuinfo": "model\t: 1\n"}, want: py.Host{OS: "windows"}},
		{name: "a workstation", files: map[string]string{
			"etc/os-release":                        "NAME=\"Fedora Linux\"\n# ID=x\nID=fedora\nVERSION_ID=\"35\"\nVARIANT_ID=server\n",
			"usr/lib/os-release":                    "ID=not-read\n",
			"proc/cpuinfo":                          "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\nmodel name\t: X\nflags\t\t: sse4_2 AVX2 fpu avx2\nvmx flags\t: ept\n\nprocessor\t: 1\ncpu family\t: 7\nmodel\t\t: 1\nflags\t\t: sse\n",
			gpus + "0000:41:00.0/information":       "Model: \t\t Tesla T4\nIRQ:   \t\t 1\n",
			gpus + "0000:01:00.0/information":       "Model: \t\t NVIDIA A100\nIRQ:   \t\t 1\n",
			gpus + "0000:81:00.0/information":       "Model: \t\t Unknown\n",
			gpus + "0000:81:00.1/registry":          "Model: none\n",
			toolkit + "version.json":                "{\n   \"cuda\" : {\n      \"name\" : \"CUDA SDK\",\n      \"version\" : \"11.2.20201208\"\n   },\n   \"cuda_nvcc\" : {\"version\" : \"9.9.1\"}\n}",
			toolkit + "version.txt":                 "CUDA Version 9.0.1\n",
			"usr/include/cudnn_version.h":           "/* 7 */\n" + defines,
			"usr/local/cuda/include/cudnn.h":        "#include \"cudnn_version.h\"\n",
			"usr/include/x86_64-linux-gnu/cudnn.h":  strings.ReplaceAll(defines, "8", "6"),
			"usr/include/aarch64-linux-gnu/cudnn.h": strings.ReplaceAll(defines, "8", "5"),
		}, want: py.Host{
			OS: "fedora", OSVersion: "35", CPUFamily: 6, CPUModel: 85, CPUFlags: []string{"avx2", "fpu", "sse4_2"},
			GPUs: []string{"NVIDIA A100", "Tesla T4", "NVIDIA"}, CUDA: "11.2", CuDNN: "8.1.0",
		}},
		{name: "a board of ARM", system: "linux/arm64", files: map[string]string{
			"usr/lib/os-release":                    "ID='Debian'\r\nVERSION_ID=\"12\"",
			"proc/cpuinfo":                          "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\nmodel\t: 3\n",
			toolkit + "version.txt":                 "CUDA Version 10.2.89\n",
			toolkit + "version.json":                "not JSON",
			"usr/include/aarch64-linux-gnu/cudnn.h": strings.ReplaceAll(defines, "define ", "define \t"),
		}, want: py.Host{OS: "debian", OSVersion: "12", CPUFamily: -1, CPUModel: -1, CPUFlags: []string{"asimd", "fp"}, CUDA: "10.2", CuDNN: "8.1.0"}},
		{name: "an old board", system: "linux/arm", files: map[string]string{
			"proc/cpuinfo": "Processor\t: ARMv7\nprocessor\t: 0\n\nprocessor\t: 1\n\nFeatures\t: swp NEON\n",
		}, want: py.Host{CPUFamily: -1, CPUModel: -1, CPUFlags: []string{"neon", "swp"}}},
		{name: "a mainframe", system: "linux/s390x", files: map[string]string{
			"proc/cpuinfo": "vendor_id       : IBM/S390\nfeatures\t: esan3 vx zarch \n\ncpu number      : 0\n",
		}, want: py.Host{CPUFamily: -1, CPUModel: -1, CPUFlags: []string{"esan3", "vx", "zarch"}}},
		{name: "the words of the machine beneath an emulation", files: map[string]string{
			"proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd\n",
		}, want: py.Host{CPUFamily: -1, CPUModel: -1}},
		{name: "words that say nothing", files: map[string]string{
			"etc/os-release":                  "ID\nVERSION_ID=\n=x\n",
			"proc/cpuinfo":                    "cpu family\t: -6\nmodel\t: 70000\nflags\t\t: \n",
			gpus + "0000:01:00.0/information": "",
			toolkit + "version.json":          `{"cuda_nvcc": {"version": "11.2"}}`,
			toolkit + "version.txt":           "CUDA Version ten\n",
			"usr/include/cudnn.h":             "#define CUDNN_MAJOR 8\n#define CUDNN_MINOR x\n",
		}, want: py.Host{CPUFamily: -1, CPUModel: -1, GPUs: []string{"NVIDIA"}}},
		{name: "quotes of os-release", files: map[string]string{
			"etc/os-release": "ID=\"my\\\"os\"\nVERSION_ID='8.6'\n",
		}, want: py.Host{OS: `my"os`, OSVersion: "8.6", CPUFamily: -1, CPUModel: -1}},
		{name: "AMD", files: map[string]string{
			"sys/module/amdgpu/initstate":             "live\n",
			"sys/class/drm/card0/device/vendor":       "0x8086\n",
			"sys/class/drm/card1/device/vendor":       "0x1002\n",
			"sys/class/drm/card1/device/device":       "0x740f\n",
			"sys/class/drm/card2/device/vendor":       "0x1002\n",
			"sys/class/drm/card2/device/device":       "0x740c\n",
			"sys/class/drm/card2/device/product_name": "AMD INSTINCT MI210\n",
			"sys/class/drm/card2-DP-1/device/vendor":  "0x1002\n",
			"sys/class/drm/renderD128/device/vendor":  "0x1002\n",
		}, want: py.Host{CPUFamily: -1, CPUModel: -1, GPUs: []string{"AMD 0x740f", "AMD INSTINCT MI210"}}},
		{name: "AMD without its driver", files: map[string]string{"sys/class/drm/card1/device/vendor": "0x1002\n"},
			want: py.Host{CPUFamily: -1, CPUModel: -1}},
		{name: "CUDA is not wanted", env: map[string]string{"THAMOS_DISABLE_CUDA": "1"}, files: map[string]string{toolkit + "version.txt": "CUDA Version 10.2.89\n"},
			want: py.Host{CPUFamily: -1, CPUModel: -1}},
		{name: "image", env: map[string]string{"IMAGE_NAME": "quay.example/s2i", "IMAGE_TAG": "v1", "THOTH_S2I_NAME": "x", "THOTH_S2I_VERSION": "2"},
			want: py.Host{CPUFamily: -1, CPUModel: -1, BaseImage: "quay.example/s2i:v1"}},
		{name: "image of Thoth", env: map[string]string{"THOTH_S2I_NAME": "quay.example/s2i", "THOTH_S2I_VERSION": "0.2"},
			want: py.Host{CPUFamily: -1, CPUModel: -1, BaseImage: "quay.example/s2i:v0.2"}},
		{name: "half an image", env: map[string]string{"IMAGE_NAME": "built-here"}, want: py.Host{CPUFamily: -1, CPUModel: -1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			for name, text := range test.files {
				if runtime.GOOS == "windows" && strings.Contains(name, ":") {
					t.Skip("no such names on Windows")
				}
				writeFile(t, filepath.Join(root, filepath.FromSlash(name)), text)
			}
			goos, goarch, _ := strings.Cut(test.system, "/")
			if goos == "" {
				goos, goarch = "linux", "amd64"
			}
			if goos != "linux" || test.files == nil && test.env == nil {
				test.want.CPUFamily, test.want.CPUModel = -1, -1
			}
			got := host{goos: goos, goarch: goarch, root: root}.hardware(func(key string) string { return test.env[key] })
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestHardwareBounded reads files that are larger than any that are real.
func TestHardwareBounded(t *testing.T) {
	root := t.TempDir()
	writeFile(t, filepath.Join(root, "proc/cpuinfo"), strings.Repeat("x: y\n", maxCPUInfo/5+1)+"cpu family: 6\n")
	writeFile(t, filepath.Join(root, "etc/os-release"), strings.Repeat("#\n", maxRelease/2+1)+"ID=late\n")
	writeFile(t, filepath.Join(root, "usr/local/cuda/version.txt"), strings.Repeat("\n", maxHeader)+"CUDA Version 10.2.89\n")
	for i := range maxGPUs + 10 {
		name := filepath.Join(root, "proc/driver/nvidia/gpus", strings.Repeat("g", i+1), "information")
		writeFile(t, name, "Model: T4\n")
	}
	got := host{goos: "linux", goarch: "amd64", root: root}.hardware(func(string) string { return "" })
	want := unknownHost()
	want.GPUs = slices.Repeat([]string{"T4"}, maxGPUs)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestDetectHost checks of which runs the host is this machine.
func TestDetectHost(t *testing.T) {
	w := newWorld(t, "file system/etc/os-release ID=debian\\nVERSION_ID=\"12\"\npython bin/python3 3.11.7\nenv PATH=$/bin")
	for flags, want := range map[string]string{
		"":                                 "debian",
		"--python-version=3.12":            "debian",
		"--platform=manylinux_2_31_x86_64": "",
		"--platform=manylinux_2_28_aarch64 --python-version=3.9": "",
	} {
		r, err := detect(t.Context(), w.request(flags), w.host)
		if err != nil {
			t.Fatal(err)
		}
		if r.Host.OS != want || r.Host.CPUFamily != -1 || r.Host.CPUModel != -1 {
			t.Errorf("%q: got %+v, want OS %q", flags, r.Host, want)
		}
	}
}

// TestThisHardware reads the files of a real machine.
func TestThisHardware(t *testing.T) {
	if _, err := os.Stat("/etc/os-release"); err != nil || runtime.GOOS != "linux" {
		t.Skip("no os-release")
	}
	got := thisHost().hardware(func(string) string { return "" })
	if got.OS == "" || !slices.IsSorted(got.CPUFlags) {
		t.Errorf("got %+v", got)
	}
	if runtime.GOARCH == "amd64" && len(got.CPUFlags) > 0 && (!slices.Contains(got.CPUFlags, "sse2") || got.CPUFamily < 0) {
		t.Errorf("a processor without sse2 or a family: %+v", got)
	}
}
