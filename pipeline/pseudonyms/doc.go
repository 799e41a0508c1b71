// Package pseudonyms has the units that say that another project can stand in
// for one that is required.
//
// A project that can be had is never replaced for nothing: a stand-in counts like
// the release that it stands in for, and comes after it.
package pseudonyms
