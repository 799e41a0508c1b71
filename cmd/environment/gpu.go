package environment

import (
	"os"
	"path"
	"regexp"
	"strings"
)

// gpus returns the names of the graphics processors that the drivers of NVIDIA
// and AMD show, in the order of their places on the bus; nil if there is none.
func (h host) gpus() []string { return append(h.nvidia(), h.amd()...) }

// nvidia returns the models that NVIDIA's driver names.
func (h host) nvidia() []string {
	var found []string
	const dir = "/proc/driver/nvidia/gpus"
	for _, slot := range h.names(dir, maxGPUs) {
		data := h.read(path.Join(dir, slot, "information"), maxRelease)
		if data == nil {
			continue
		}
		name := "NVIDIA" // the driver says Unknown before it has asked the card
		for line := range strings.Lines(string(data)) {
			key, value, _ := strings.Cut(line, ":")
			if value = strings.TrimSpace(value); strings.TrimSpace(key) == "Model" && value != "" && value != "Unknown" {
				name = value
			}
		}
		found = append(found, name)
	}
	return found
}

// card are the directories of cards; the others are of their connectors.
var card = regexp.MustCompile(`^card[0-9]{1,4}$`)

// amd returns the cards of AMD, if their driver is loaded. Few say what product
// they are; of the others the number of the device is known.
func (h host) amd() []string {
	if info, err := os.Stat(h.path("/sys/module/amdgpu")); err != nil || !info.IsDir() {
		return nil
	}
	var found []string
	const dir = "/sys/class/drm"
	for _, name := range h.names(dir, 16*maxGPUs) {
		device := path.Join(dir, name, "device")
		if !card.MatchString(name) || h.line(path.Join(device, "vendor")) != "0x1002" || len(found) == maxGPUs {
			continue
		}
		product := h.line(path.Join(device, "product_name"))
		if product == "" {
			product = strings.TrimSpace("AMD " + h.line(path.Join(device, "device")))
		}
		found = append(found, product)
	}
	return found
}

// names returns at most limit names of a system directory, sorted; none if it
// cannot be read.
func (h host) names(dir string, limit int) []string {
	entries, err := os.ReadDir(h.path(dir))
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries[:min(len(entries), limit)] {
		names = append(names, e.Name())
	}
	return names
}
