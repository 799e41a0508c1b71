// Package wraps has the units that say what is known of a finished stack: what it
// still has that one would rather not have and what that would cost to mend, and
// where to read more. They choose nothing.
//
// None advises changes of a deployment's manifest: which variable makes which
// stack faster is no fact that a knowledge base has. Prescriptions do (package
// prescription).
package wraps
