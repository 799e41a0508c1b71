// Package units has the one list of all units, and the tables that weigh them:
// the recommendation types.
//
// Read All first, then tables.go.
package units
