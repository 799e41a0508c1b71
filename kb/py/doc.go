// Package py has the words of Python packaging that every other package of
// thamos speaks: project names (PEP 503), versions and specifiers (PEP 440),
// requirements and markers (PEP 508), file names and platform tags (PEP 425,
// 427, 600, 625, 656), core metadata, and what a knowledge base says of a
// project (Project, Release, File).
//
// It is a leaf: it imports the standard library only, opens no file, reads no
// clock and starts no process. Parsing is bounded by the length of its input
// and never panics. Values are immutable once made and safe to share.
//
// What a text means is decided here and nowhere else; whether a release may be
// chosen (pre-releases, yanked, unknown) is policy and belongs to resolver.
//
// Read Version, Specifiers and Requirement first.
package py
