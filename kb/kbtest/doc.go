// Package kbtest finds the third-party data that conformance tests and
// benchmarks read. The data are not part of the project: what needs them skips,
// and says so, where they are absent. Nothing but tests imports it.
package kbtest
