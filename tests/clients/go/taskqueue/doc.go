// Package taskqueue is App Engine's package of this name: its version 1, or its version 2 where the
// tag v2 is set. One program is built against each with its calls as they stand.
package taskqueue
