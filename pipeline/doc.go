// Package pipeline judges packages: it turns what is known of them into what the
// resolver can count.
//
// A unit is a constant value of one of six kinds. In the order in which they
// are asked: a boot checks or completes the problem and may refuse it; a
// pseudonym says that another project can stand in; a sieve drops releases; a
// step gives terms, which are scores or vetoes of releases, alone or together;
// a stride accepts or refuses a finished stack; a wrap says what is known of
// it. Units are functions of their arguments: they keep nothing, and what they
// ask of the world they ask of Facts, in batches.
//
// Scores are penalties: the best release of a project gets 0, and whether a
// project is present is neutral. A Table, which is what a recommendation type
// is, says what a unit's score weighs and which scores outrank which (Tier).
//
// A unit that fails, panics, or gives a score that is not between -1 and 1 ends
// the run with an error that names it.
//
// The package reaches no network, disk or clock, and knows nothing of search
// strategies. Read Unit first, then Plan, Table and Build. The units are in the
// packages named after their kinds, those declared in YAML in prescription, and
// the list of all in units.
package pipeline
