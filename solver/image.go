package solver

import (
	"context"
	"fmt"
)

// Import makes an image of a tar file of a root file system, with the label that
// says it was made here, and returns its id.
func (e *Engine) Import(ctx context.Context, tar, name, version string) (Image, error) {
	_, err := e.ask(ctx, "import", "--change=ENV PATH=/usr/bin:/bin", "--change=USER 65532:65532", "--change=LABEL "+OwnLabel+"="+version, tar, name)
	if err != nil {
		return Image{}, fmt.Errorf("import an image: %w", err)
	}
	return e.image(ctx, name)
}
