// Package pipelinetest helps to test units: facts that are written down, and
// candidates made of a line of text. Nothing but tests imports it.
package pipelinetest
