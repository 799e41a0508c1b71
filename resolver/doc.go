// Package resolver finds a stack of Python packages that satisfies a problem,
// proves that there is none, or says which knowledge is missing to tell.
//
// It never reaches a network, a disk, a clock or a process: all it knows of the
// world it asks of a Knowledge, project by project, before the search begins.
// Equal problems and equal knowledge give equal reports.
//
// The way of the data is one direction:
//
//	Problem ─ Knowledge ─► closure ─► tables ─► engine ─► Report
//	                          ▲ └─ Pipeline: what to drop, and terms
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
// together: a score or a veto. A guard is a term that the search avoids wherever
// it can, a penalty of any tier but the last.
//
// Of the stacks that no veto forbids and that pay no guard that can be avoided,
// those of smaller tiers first, the engine takes the best, direct requirements
// first: projects are taken in the order in which requirements name them,
// breadth first from the user's file, and each gets the release with the best
// score, and of those with the same the newest, for which those taken before it
// can keep theirs. Without a pipeline that is the newest stack.
//
// Read Solve first, then Problem, Knowledge, Pipeline and Report.
package resolver
