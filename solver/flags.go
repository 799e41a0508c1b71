package solver

import (
	_ "embed"
	"fmt"
	"strconv"
	"time"
)

// seccomp is the filter of system calls: the containers project's default less
// ptrace, keyrings, namespaces, 32-bit calls and all sockets but those of the
// families unix, inet and inet6. The default lets a container make vsock sockets,
// which no network namespace holds back.
//
//go:embed seccomp.json
var seccomp []byte

// Limits bound one run. The zero Limits is what most packages need.
type Limits struct {
	Memory   int64         // bytes, of processes and of files together; 0 means 512 MiB
	Disk     int64         // bytes of files; 0 means half of Memory
	Pids     int           // processes and threads; 0 means 128
	CPUs     float64       // 0 means 1
	Wall     time.Duration // of the whole run; 0 means 5 minutes
	Output   int           // bytes of the report; 0 means 1 MiB
	FileSize int64         // bytes of one file; 0 means Disk
}

func (l Limits) full() Limits {
	if l.Memory == 0 {
		l.Memory = 512 << 20
	}
	if l.Disk == 0 {
		l.Disk = l.Memory / 2
	}
	if l.Pids == 0 {
		l.Pids = 128
	}
	if l.CPUs == 0 {
		l.CPUs = 1
	}
	if l.Wall == 0 {
		l.Wall = 5 * time.Minute
	}
	if l.Output == 0 {
		l.Output = 1 << 20
	}
	if l.FileSize == 0 {
		l.FileSize = l.Disk
	}
	return l
}

// Larger are the limits of the second try of what ran out of something: four
// times the memory and disk, twice the time.
func (l Limits) Larger() Limits {
	l = l.full()
	l.Memory, l.Disk, l.FileSize, l.Wall = 4*l.Memory, 4*l.Disk, 4*l.FileSize, 2*l.Wall
	return l
}

// A mount shows a directory of this machine in the container, read-only.
type mount struct{ from, to string }

// A container is what one run is started with.
type container struct {
	name    string
	labels  []string // KEY=VALUE
	image   string   // its id
	seccomp string   // file
	limits  Limits   // full
	exec    bool     // files under /tmp may be executed
	mounts  []mount
	env     []string // KEY=VALUE
	argv    []string
}

// tmp is the one place in a container that can be written.
const tmp = "/tmp"

// args are the arguments of an engine that start a container: the isolation, as
// an argument vector that no shell reads. The two engines differ in some words.
func (e *Engine) args(c container) []string {
	l := c.limits
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	memory := n(l.Memory)
	noexec := ",noexec"
	if c.exec {
		noexec = ",exec"
	}
	a := append(e.global(), "run", "--rm", "--interactive", "--pull=never",
		"--network=none", "--read-only", "--cap-drop=ALL",
		"--security-opt=no-new-privileges", "--security-opt=seccomp="+c.seccomp,
		"--user=65532:65532", "--ipc=none", "--hostname=solver",
		"--pids-limit="+strconv.Itoa(l.Pids), "--memory="+memory, "--memory-swap="+memory,
		"--cpus="+strconv.FormatFloat(l.CPUs, 'f', -1, 64),
		// All of the engine's own wishes for these may be above what a machine admits.
		"--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096", "--ulimit=core=0:0",
		fmt.Sprintf("--ulimit=fsize=%d:%d", l.FileSize, l.FileSize),
		fmt.Sprintf("--tmpfs=%s:rw,nosuid,nodev%s,size=%d,mode=1777", tmp, noexec, l.Disk), "--workdir="+tmp,
		"--log-driver=none", "--name="+c.name)
	if e.Kind == Podman {
		// Else --read-only adds file systems that can be written, and the proxies of
		// the environment, with their passwords, are handed on. The timeout is the
		// second line, behind ours.
		a = append(a, "--read-only-tmpfs=false", "--no-hosts", "--http-proxy=false",
			"--timeout="+strconv.Itoa(int((l.Wall+2*grace)/time.Second)))
	}
	for _, label := range c.labels {
		a = append(a, "--label="+label)
	}
	for _, m := range c.mounts {
		a = append(a, "--mount=type=bind,src="+m.from+",dst="+m.to+",readonly")
	}
	for _, v := range append([]string{"HOME=" + tmp}, c.env...) {
		a = append(a, "--env="+v)
	}
	a = append(a, "--entrypoint="+c.argv[0], c.image)
	return append(a, c.argv[1:]...)
}

// grace is what a run is given beyond its time to end by itself and report.
const grace = 10 * time.Second

// mountable reports whether a path can stand in a mount flag.
func mountable(path string) error {
	for _, r := range path {
		if r == ',' || r == ':' || r == '"' || r < ' ' {
			return fmt.Errorf("%q cannot be shown to a container: it has the character %q", path, r)
		}
	}
	return nil
}
