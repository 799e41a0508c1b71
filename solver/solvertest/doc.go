// Package solvertest makes distributions for tests: wheels and source
// distributions of a few texts, good or hostile, and an index of them.
package solvertest
