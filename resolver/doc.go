// Package resolver finds a stack of Python packages that satisfies a problem,
// proves that there is none, or says which knowledge is missing to tell.
//
// It never reaches a network, a disk, a clock or a process: all it knows of the
// world it asks of a Knowledge, project by project, before the search begins.
// Equal problems and equal knowledge give equal reports.
//
// The way of the data is one direction:
//
//	Problem ─ Knowledge ─► closure ─► tables ─► engine ──► Report
//	                          ▲ │                  │ a stack    ▲
//	                          │ └──► space ─► network ─► Searcher ┘ the best one
//	                          └─ Pipeline: what to drop, and terms
//
// Words. A requirement is a line somebody wrote: the user (in a manifest) or a
// release (in its metadata). A release is admissible if it may be chosen in the
// problem's environment whatever else is chosen, and known if its requirements
// were read. The closure has every project and release that requirements can
// reach from the user's. A stack is one admissible known release for each
// project that is present; a project is present if and only if somebody
// requires it. A set is the releases of one project that one specifier admits.
// A conflict is a smallest set of requirements that no stack satisfies.
//
// A term is a judgement of a pipeline about releases of a stack, alone or
// together: a score or a veto. Ranks are what stacks are compared by, one after
// the other: the tiers of terms but the last, then how few pre-releases there
// are where final releases could be, then the last tier.
//
// Of the stacks that no veto forbids Solve finds the one with the best score and
// proves that there is no better one. Where several are as good it is the one
// whose direct requirements, in the user's order, and then other projects, by
// name, have the preferred releases; not to have a project is preferred to having
// it. Where no term gives a score it is the newest stack, direct requirements
// first: projects are taken breadth first from the user's file, and each gets the
// newest release for which those taken before it can keep theirs.
//
// Whether there is a stack at all, and why not, is the engine's: clause learning
// on Boolean tables. Which is the best is searched on networks (package wcsp), by
// the exact engine (package exact) or by any other Searcher, one rank after the
// other; package certify checks what comes out without any of this.
//
// Read Solve first, then Problem, Knowledge, Pipeline and Report.
package resolver
