//go:build !darwin

package environment

// kernel is for macOS only: elsewhere a file says it, or (on Windows) markers
// that look at platform_release see an empty text.
func kernel() (release, version string) { return "", "" }
