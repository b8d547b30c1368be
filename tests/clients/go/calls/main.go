// Makes the calls that it reads, a JSON object a line, and writes what came of each as another one.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"kakehi.test/clients/taskqueue"
)

// What is to be called, and with what.
type call struct {
	Method  string
	Queue   string
	Queues  []string
	Tasks   []task
	Max     int
	Seconds int
	Tag     string
}

// A task, as far as pull queues have it.
type task struct {
	Name       string `json:"name,omitempty"`
	Payload    []byte `json:"payload,omitempty"` // base64
	Tag        string `json:"tag,omitempty"`
	ETA        int64  `json:"eta,omitempty"` // microseconds since 1970
	RetryCount int32  `json:"retry_count,omitempty"`
	RetryLimit int32  `json:"retry_limit,omitempty"`
	Method     string `json:"method,omitempty"` // PULL unless it is given
}

// What came of a call.
type answer struct {
	Tasks  []task                      `json:"tasks,omitempty"`
	Stats  []taskqueue.QueueStatistics `json:"stats,omitempty"`
	Error  string                      `json:"error,omitempty"`
	Errors []string                    `json:"errors,omitempty"` // of a MultiError, "" where there is none
	Added  bool                        `json:"already_added,omitempty"`
}

func main() {
	lines, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	c := taskqueue.Context()
	for lines.More() {
		var next call
		if err := lines.Decode(&next); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		if err := out.Encode(next.make(c)); err != nil {
			os.Exit(1)
		}
	}
}

func (it *call) make(c context.Context) answer {
	tasks := theirs(it.Tasks)
	switch it.Method {
	case "Add":
		added, err := taskqueue.Add(c, tasks[0], it.Queue)
		if err != nil {
			return failed(err)
		}
		return of([]*taskqueue.Task{added}, nil)
	case "AddMulti":
		return of(taskqueue.AddMulti(c, tasks, it.Queue))
	case "Lease":
		return of(taskqueue.Lease(c, it.Max, it.Queue, it.Seconds))
	case "LeaseByTag":
		return of(taskqueue.LeaseByTag(c, it.Max, it.Queue, it.Seconds, it.Tag))
	case "ModifyLease":
		err := taskqueue.ModifyLease(c, tasks[0], it.Queue, it.Seconds)
		return of(tasks, err)
	case "Delete":
		return failed(taskqueue.Delete(c, tasks[0], it.Queue))
	case "DeleteMulti":
		return failed(taskqueue.DeleteMulti(c, tasks, it.Queue))
	case "Purge":
		return failed(taskqueue.Purge(c, it.Queue))
	case "QueueStats":
		stats, err := taskqueue.QueueStats(c, it.Queues)
		result := failed(err)
		result.Stats = stats
		return result
	}
	return answer{Error: "no such call: " + it.Method}
}

func theirs(tasks []task) []*taskqueue.Task {
	var all []*taskqueue.Task
	for _, it := range tasks {
		one := &taskqueue.Task{
			Name: it.Name, Payload: it.Payload, Tag: it.Tag, RetryCount: it.RetryCount, Method: it.Method,
		}
		if one.Method == "" {
			one.Method = "PULL"
		}
		if it.ETA != 0 {
			one.ETA = time.UnixMicro(it.ETA)
		}
		if it.RetryLimit != 0 {
			one.RetryOptions = &taskqueue.RetryOptions{RetryLimit: it.RetryLimit}
		}
		all = append(all, one)
	}
	return all
}

func of(tasks []*taskqueue.Task, err error) answer {
	result := failed(err)
	for _, it := range tasks {
		one := task{Name: it.Name, Payload: it.Payload, Tag: it.Tag, RetryCount: it.RetryCount}
		if !it.ETA.IsZero() {
			one.ETA = it.ETA.UnixMicro()
		}
		result.Tasks = append(result.Tasks, one)
	}
	return result
}

func failed(err error) answer {
	if err == nil {
		return answer{}
	}
	result := answer{Error: err.Error(), Added: err == taskqueue.ErrTaskAlreadyAdded}
	if several, ok := err.(taskqueue.MultiError); ok {
		for _, one := range several {
			text := ""
			if one != nil {
				text = one.Error()
			}
			result.Errors = append(result.Errors, text)
		}
	}
	return result
}
