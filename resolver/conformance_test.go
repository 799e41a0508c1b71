package resolver

import (
	"context"

	"github.com/thamos/thamos/kb/py"
)

// addRelease adds a release to a universe, newest first.
func (u *universe) addRelease(name py.Name, r py.Release) {
	p := u.projects[name]
	if p == nil {
		p = &py.Project{Name: name}
		u.projects[name] = p
	}
	at := 0
	for at < len(p.Releases) && p.Releases[at].Version.Compare(r.Version) > 0 {
		at++
	}
	p.Releases = append(p.Releases, py.Release{})
	copy(p.Releases[at+1:], p.Releases[at:])
	p.Releases[at] = r
}

// closed makes a universe a closed world: whatever it does not hold is known
// not to exist.
type closed struct{ *universe }

func (c closed) Projects(ctx context.Context, names []py.Name) ([]*py.Project, error) {
	answer, err := c.universe.Projects(ctx, names)
	for i, p := range answer {
		if p == nil {
			answer[i] = &py.Project{Name: names[i]}
		}
	}
	return answer, err
}
