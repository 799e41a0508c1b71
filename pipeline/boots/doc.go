// Package boots has the units that check or complete the problem before anything
// is searched, and tell the user what the advice will stand on.
package boots
