package exact

import (
	"context"
	"errors"

	"github.com/thamos/thamos/resolver/wcsp"
)

func Prove(ctx context.Context, n *wcsp.Network, target, budget int64) (wcsp.Proof, error) {
	return nil, errors.New("not yet")
}
