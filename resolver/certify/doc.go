// Package certify has the certificate of an answer: a file that says which stack
// was chosen and why no stack is better (or that none exists), and the small
// checker that believes nothing of it.
//
// The checker shares no code with the engine. It reads the raw knowledge itself,
// asks the pipeline itself, and from the file takes only a stack and a proof: a
// tree of boxes with messages, see resolver/wcsp.Step. Whatever the messages
// are, the bound that they give is true, so a wrong proof can fail to convince
// but not convince wrongly. What has to be right is this package, package kb/py
// and the knowledge.
//
// The way of the check, in the order to read it:
//
//	judge.go      which releases may be chosen
//	world.go      what requirements can reach: projects, options, extras
//	variables.go  the same as variables with values, and what they need
//	terms.go      what the pipeline says, by level; options that never pay off
//	stack.go      that the stack of the file is a stack, and its score
//	factors.go    one stage's scores as factors over variables
//	tables.go     what ties two variables; many.go: what ties several
//	propagate.go  arc consistency
//	bound.go      the dual bound of a box
//	prove.go      one stage: its names, and the tree of boxes
//	check.go      the levels and the stages
//
// The file itself is certificate.go, read.go, code.go and build.go.
//
// Why stages prove what they should: let x be a stack that is better than the
// file's, and t the first level in which they differ. If the file's stack has all
// that the values of t could earn, x cannot be better there. Otherwise the stage
// of t shows that no stack has a greater sum of its weighted levels up to t among
// those that pay nothing of the closed levels before t, which x does not either,
// for the file's stack pays nothing of them and x is equal there. But x has the greater sum: the levels before t are equal, and the
// weight of t is positive.
package certify
