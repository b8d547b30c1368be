// Enqueues the jobs that it reads, a JSON object a line, with gocraft/work's own enqueuer, and writes
// what came of each as another one.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"github.com/gocraft/work"
	"kakehi.test/gocraft/connect"
)

// A job that is to be enqueued.
type call struct {
	Job    string
	Args   map[string]interface{} // its numbers keep their digits
	In     *int64                 // seconds from now on; at once without it
	Unique bool
}

// What came of it.
type answer struct {
	ID        string `json:"id,omitempty"`
	Time      int64  `json:"t,omitempty"`
	RunAt     int64  `json:"run_at,omitempty"`
	Duplicate bool   `json:"duplicate,omitempty"`
	Error     string `json:"error,omitempty"`
}

func main() {
	flag.Parse()
	enqueuer := work.NewEnqueuer(connect.Namespace(), connect.Pool(1))
	lines, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	lines.UseNumber()
	for lines.More() {
		var next call
		if err := lines.Decode(&next); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		if err := out.Encode(next.make(enqueuer)); err != nil {
			os.Exit(1)
		}
	}
}

func (it *call) make(to *work.Enqueuer) answer {
	switch {
	case it.Unique && it.In != nil:
		return scheduled(to.EnqueueUniqueIn(it.Job, *it.In, it.Args))
	case it.Unique:
		return ready(to.EnqueueUnique(it.Job, it.Args))
	case it.In != nil:
		return scheduled(to.EnqueueIn(it.Job, *it.In, it.Args))
	}
	return ready(to.Enqueue(it.Job, it.Args))
}

func ready(job *work.Job, err error) answer {
	switch {
	case err != nil:
		return answer{Error: err.Error()}
	case job == nil:
		return answer{Duplicate: true}
	}
	return answer{ID: job.ID, Time: job.EnqueuedAt}
}

func scheduled(job *work.ScheduledJob, err error) answer {
	if err != nil || job == nil {
		return ready(nil, err)
	}
	told := ready(job.Job, nil)
	told.RunAt = job.RunAt
	return told
}
