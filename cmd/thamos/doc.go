// Command thamos advises Python projects: it chooses the best stack that is
// known for a runtime environment, offline, and writes the lock.
//
// This package only fills in the real world; see package cmd for the rest.
package main
