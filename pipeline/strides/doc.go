// Package strides has the units that accept or refuse a finished stack.
package strides
