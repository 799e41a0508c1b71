// Package base makes a container image where there is no registry: a root file
// system with the Python of this Debian, out of the distribution's packages.
//
// It starts the tools of the distribution (a shell, apt-get, dpkg-deb, tar and
// chroot) with a script of its own, and is, beside package solver, which runs
// containers, the only code that does. Nothing of what it unpacks comes from
// anybody but the distribution. It is for whoever has no image of the
// environment that they advise for; what such an image lacks is not held against
// a package.
package base
