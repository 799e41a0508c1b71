// Package sigstore judges attestations of files (PEP 740) by a trusted root of
// Sigstore. It is the only room that knows Sigstore's library, which is a third
// of the binary.
//
// It reaches no network and reads no clock: a root is a file, and the time at
// which a certificate must have been valid is that of the transparency log.
//
// What holds has all of these: a certificate of an authority of the root, which
// a certificate transparency log of the root has seen, if it has any; an entry
// in a transparency log of the root, with a promise or proof and a time within
// the certificate's; a signature by the certificate's key; a statement about one
// file, with its name and sha256, of a kind that PEP 740 knows.
//
// The root that is embedded (Root) is that of Sigstore's public instance, as
// sigstore-go v1.3.0 has it in its examples; Copyright The Sigstore Authors,
// Apache-2.0.
package sigstore
