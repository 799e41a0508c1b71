// Package steps has the units that score releases.
//
// Every score is a penalty: it is between -1 and 0. What compares the usable
// releases of a project (freshness, cooldown, wheel, yanked, classifiers,
// security-indicators, least-change, and each metric of performance) gives the
// best of them nothing. So a project costs nothing by being there, and nobody
// gains by leaving one out. What is a fact of a release by itself (hole,
// malware, advisory, observed, licence) counts even where no release is free of
// it: a stack that does without such a project is the better one. What a
// penalty weighs, and what it outranks, is the table's to say (package units).
//
// There is no step for the status of a project (archived, deprecated,
// quarantined), nor for one that is abandoned: either is the same for all its
// releases, so as a penalty it would only be a price for having the project. It
// is told of the stack instead (package wraps), and what is in quarantine is
// dropped (package sieves).
//
// A step makes its terms for all candidates at once, in the order of
// candidates; the texts of its evidence are put together only for what is shown.
//
// Read Units first, then helpers.go, then the step.
package steps
