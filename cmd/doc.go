// Package cmd is the command line of thamos: flags in, one library call, print.
// It joins what the other packages must not know of each other, and it is where
// the world enters: everything that a command may touch besides its arguments
// is a field of Env.
//
// Standard output is the result, standard error is everything else. A command
// returns an error or nothing; Main turns it into an exit status and is the
// only one who does.
//
// Read Env and Main first, then one file per command.
package cmd
