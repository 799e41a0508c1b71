// Package wcsptest has networks to test searchers with: small random ones
// (Random), with a complete search that shares no code with any searcher (Stacks),
// and ones of the shape of real knowledge bases (Generate).
package wcsptest
