package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gocraft/work"
)

// What is told of the pool and of its jobs.
type event struct {
	What   string                 `json:"what"` // started, began, ended, stopped
	Name   string                 `json:"name,omitempty"`
	ID     string                 `json:"id,omitempty"`
	Time   int64                  `json:"t,omitempty"`
	Args   map[string]interface{} `json:"args"`
	Unique bool                   `json:"unique,omitempty"`
	Fails  int64                  `json:"fails"`
	Beside int                    `json:"beside,omitempty"` // marks in the folder, our own among them
	Error  string                 `json:"error,omitempty"`
}

var telling sync.Mutex

func say(it event) {
	telling.Lock()
	defer telling.Unlock()
	if err := json.NewEncoder(os.Stderr).Encode(it); err != nil {
		os.Exit(1)
	}
}

func of(what string, job *work.Job) event {
	return event{
		What: what, Name: job.Name, ID: job.ID, Time: job.EnqueuedAt, Args: job.Args,
		Unique: job.Unique, Fails: job.Fails,
	}
}

// Works on one job by what its args say:
//
//	mark        a folder that holds a file of this job while it is worked on
//	checkin     a text to check in with
//	until       a path: works until something is there
//	sleep_ms    works so long
//	panic       a text to panic with
//	fail        a text to fail with
//	fail_times  how often it fails; always, without it
func handle(job *work.Job) (err error) {
	began := of("began", job)
	if folder := text(job, "mark"); folder != "" {
		mark := filepath.Join(folder, job.ID)
		began.Beside = put(mark)
		defer os.Remove(mark)
	}
	say(began)
	defer func() {
		ended := of("ended", job)
		if err != nil {
			ended.Error = err.Error()
		}
		say(ended)
	}()
	if note := text(job, "checkin"); note != "" {
		job.Checkin(note)
	}
	wait(job)
	return result(job)
}

func put(mark string) int {
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		panic(err)
	}
	marks, err := os.ReadDir(filepath.Dir(mark))
	if err != nil {
		panic(err)
	}
	return len(marks)
}

func wait(job *work.Job) {
	time.Sleep(time.Duration(number(job, "sleep_ms")) * time.Millisecond)
	path := text(job, "until")
	for path != "" {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func result(job *work.Job) error {
	if why := text(job, "panic"); why != "" {
		panic(why)
	}
	why := text(job, "fail")
	if times := number(job, "fail_times"); why == "" || times > 0 && job.Fails >= times {
		return nil
	}
	return errors.New(why)
}

func text(job *work.Job, name string) string {
	value, _ := job.Args[name].(string)
	return value
}

func number(job *work.Job, name string) int64 {
	value, _ := job.Args[name].(float64)
	return int64(value)
}
