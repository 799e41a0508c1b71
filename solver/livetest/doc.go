// Package livetest finds the container engine that tests run on, and makes the
// image that they run.
package livetest
