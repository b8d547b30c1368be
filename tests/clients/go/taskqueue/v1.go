//go:build !v2

package taskqueue

import (
	"google.golang.org/appengine"
	"google.golang.org/appengine/taskqueue"
)

type (
	Task            = taskqueue.Task
	RetryOptions    = taskqueue.RetryOptions
	QueueStatistics = taskqueue.QueueStatistics
	MultiError      = appengine.MultiError
)

var (
	Context = appengine.BackgroundContext

	Add         = taskqueue.Add
	AddMulti    = taskqueue.AddMulti
	Delete      = taskqueue.Delete
	DeleteMulti = taskqueue.DeleteMulti
	Lease       = taskqueue.Lease
	LeaseByTag  = taskqueue.LeaseByTag
	ModifyLease = taskqueue.ModifyLease
	Purge       = taskqueue.Purge
	QueueStats  = taskqueue.QueueStats

	ErrTaskAlreadyAdded = taskqueue.ErrTaskAlreadyAdded
)
