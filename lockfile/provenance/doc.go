// Package provenance checks whether what a lock pins comes from where it should:
// each release from an index that may serve it, each hash that of a file of that
// release, each attestation (PEP 740) by who is to publish the project.
//
// It knows nothing itself. What indexes have is a Knowledge, what is known of
// projects besides are Facts, and attestations come from Attestations and are
// judged by a Verifier, all of which the caller gives. It reads no file, reaches
// no network and has no clock.
//
// Three states are kept apart: something was checked and is right, something
// was checked and is a Finding, or it could not be checked, which is an
// Unchecked and never a Finding. A lock is not found fault with for what nobody
// knows, and not called clean for it either.
//
// What is right depends on the project: a Policy says which checks there are and
// how bad they are, what is expected of a project, and what is allowed, why and
// until when.
//
// Read Check and Finding first, then World and Run.
package provenance
