package provenance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/thamos/thamos/kb/py"
	"github.com/thamos/thamos/lockfile"
)

// lookalikeRank is up to which rank a name is compared letter by letter: the
// names of less popular projects are close to one another by chance. Those that
// look the same are compared whatever their rank.
const lookalikeRank = 5000

// shortest is the fewest letters of a popular name that one letter can be
// mistaken in: of five or fewer everything is close to something.
const shortest = 6

// established is how long a project must be on its index, in days, and how many
// releases it must have, to be what it seems: look-alikes are found and removed.
const (
	establishedDays     = 365
	establishedReleases = 3
)

// lookalikes tells of names that are not popular and that look like one that is.
func (r *run) lookalikes(ctx context.Context) error {
	if !r.on(NameLookalike) || r.world.Facts == nil || len(r.releases) == 0 {
		return nil
	}
	popular, err := r.world.Facts.Popular(ctx)
	if err != nil {
		return err
	}
	if len(popular) == 0 {
		r.unchecked(entry{}, "names", "it is not known which projects are popular")
		return nil
	}
	l := newLooks(popular)
	l.letters = r.world.Ranked
	// What a popular project requires was chosen by its maintainers.
	wanted := map[py.Name]bool{}
	for _, e := range r.releases {
		if l.rank[e.Name] > 0 {
			for _, n := range e.Requires {
				wanted[n] = true
			}
		}
	}
	told := map[py.Name]bool{}
	for _, e := range r.releases {
		if l.rank[e.Name] > 0 || wanted[e.Name] || told[e.Name] || r.isEstablished(e) {
			continue
		}
		told[e.Name] = true
		if like, how := l.like(e.Name); like != "" {
			r.add(NameLookalike, e.entry(), fmt.Sprintf("the name %s %s, which many use", how, like))
		}
	}
	return nil
}

// isEstablished reports whether an index that may serve the entry has had the
// project long and often.
func (r *run) isEstablished(e *release) bool {
	for _, k := range e.from {
		p := e.at[k].project
		if p == nil || len(p.Releases) < establishedReleases {
			continue
		}
		for _, v := range p.Releases {
			if v.Uploaded > 0 && v.Uploaded < r.world.Now-establishedDays*24*3600 {
				return true
			}
		}
	}
	return false
}

// looks compares names with the popular ones.
type looks struct {
	rank      map[py.Name]int // from 1
	popular   []py.Name
	skeletons map[string]py.Name
	letters   bool // one letter may be wrong: of names that a list lacks by chance, many are as close
}

func newLooks(popular []py.Name) *looks {
	l := &looks{rank: map[py.Name]int{}, popular: popular, skeletons: map[string]py.Name{}}
	for i, n := range popular {
		if l.rank[n] == 0 {
			l.rank[n] = i + 1
		}
		s := skeleton(string(n))
		if _, taken := l.skeletons[s]; !taken {
			l.skeletons[s] = n
		}
	}
	return l
}

// like returns the popular name that a name looks like, and how.
func (l *looks) like(name py.Name) (py.Name, string) {
	if p, ok := l.skeletons[skeleton(string(name))]; ok {
		return p, "looks like"
	}
	if !l.letters {
		return "", ""
	}
	for _, p := range l.popular[:min(len(l.popular), lookalikeRank)] {
		if len(p) >= shortest && oneEdit(string(name), string(p)) {
			return p, "is one letter from"
		}
	}
	return "", ""
}

// alike are letters and pairs that are read as others, in the fonts of terminals.
var alike = strings.NewReplacer("-", "", "rn", "m", "vv", "w", "cl", "d", "0", "o", "1", "l", "i", "l", "5", "s", "8", "b", "2", "z")

// skeleton is what is left of a name once what is read alike is the same and
// nothing stands between words (after UTS 39, section 4).
func skeleton(name string) string { return alike.Replace(name) }

// oneEdit reports whether one letter more, less or other, or two that changed
// places, make one name of the other (Damerau, "A technique for computer
// detection and correction of spelling errors", 1964). One digit for another is
// a version of a project more often than not, and does not count.
func oneEdit(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 || a == b {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:] && (b[i] < '0' || b[i] > '9')
	}
	if a[i+1:] == b[i+1:] {
		return !isDigit(a[i]) || !isDigit(b[i])
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// homoglyphs are letters of other alphabets that look like Latin ones.
var homoglyphs = map[rune]rune{
	'а': 'a', 'в': 'b', 'с': 'c', 'ԁ': 'd', 'е': 'e', 'һ': 'h', 'і': 'i', 'ј': 'j', 'к': 'k', 'ӏ': 'l', 'м': 'm', 'п': 'n', 'о': 'o',
	'р': 'p', 'ԛ': 'q', 'г': 'r', 'ѕ': 's', 'т': 't', 'ц': 'u', 'ѵ': 'v', 'ԝ': 'w', 'х': 'x', 'у': 'y',
	'α': 'a', 'β': 'b', 'ε': 'e', 'η': 'n', 'ι': 'i', 'κ': 'k', 'ν': 'v', 'ο': 'o', 'ρ': 'p', 'τ': 't', 'υ': 'u', 'χ': 'x', 'ω': 'w',
	'ı': 'i', 'ł': 'l', 'ɑ': 'a', 'ɡ': 'g', 'ⅼ': 'l', '‐': '-', '‑': '-', '–': '-', '—': '-', '−': '-', '․': '.',
}

// plain is a name with homoglyphs made what they look like.
func plain(text string) string {
	return strings.Map(func(c rune) rune {
		lower := unicode.ToLower(c)
		switch to, ok := homoglyphs[lower]; {
		case ok:
			return to
		case '\uff01' <= c && c <= '\uff5e': // fullwidth forms
			return unicode.ToLower(c - 0xfee0)
		case unicode.Is(unicode.Mn, c) || unicode.Is(unicode.Cf, c):
			return -1
		}
		return lower
	}, text)
}

// oddName tells of an entry whose name is none.
func (r *run) oddName(e *lockfile.LockedRelease) {
	if e.Direct != "" {
		r.direct(e)
		return
	}
	var odd []string
	for _, c := range e.Text {
		if c > unicode.MaxASCII && !slices.Contains(odd, fmt.Sprintf("%q is %U", c, c)) {
			odd = append(odd, fmt.Sprintf("%q is %U", c, c))
		}
	}
	message := fmt.Sprintf("%q is not the name of a project", e.Text)
	if n, err := py.ParseName(plain(e.Text)); err == nil && len(odd) > 0 {
		message += fmt.Sprintf(", but is read as %s", n)
	}
	r.add(NameHomoglyph, entryOf(e), message, few(odd)...)
}
