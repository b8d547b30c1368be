// How fast gocraft/work is, by itself: prints one number, jobs a second.
//
//	bench -ns NS enqueue JOBS TYPES SENDERS
//	bench -ns NS process JOBS TYPES WORKERS
//
// The jobs are `job0`, `job1` and so on, of each as many; `process` works on all that are there.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gocraft/work"
	"kakehi.test/gocraft/connect"
)

func main() {
	log.SetFlags(0)
	flag.Parse()
	if flag.NArg() != 4 {
		log.Fatal("usage: bench [-redis HOST:PORT] [-ns NS] enqueue|process JOBS TYPES SENDERS|WORKERS")
	}
	jobs, types, beside := whole(1), whole(2), whole(3)
	start := time.Now()
	switch flag.Arg(0) {
	case "enqueue":
		enqueue(jobs, types, beside)
	case "process":
		process(jobs, types, beside)
	default:
		log.Fatal("neither `enqueue` nor `process`")
	}
	fmt.Printf("%.0f\n", float64(jobs)/time.Since(start).Seconds())
}

func whole(argument int) int {
	number, err := strconv.Atoi(flag.Arg(argument))
	if err != nil || number < 1 {
		log.Fatalf("no number above 0: %q", flag.Arg(argument))
	}
	return number
}

func name(n, types int) string { return "job" + strconv.Itoa(n%types) }

func enqueue(jobs, types, senders int) {
	enqueuer := work.NewEnqueuer(connect.Namespace(), connect.Pool(senders))
	var all sync.WaitGroup
	for sender := range senders {
		all.Add(1)
		go func() {
			defer all.Done()
			for n := sender; n < jobs; n += senders {
				if _, err := enqueuer.Enqueue(name(n, types), work.Q{"n": n, "to": "someone"}); err != nil {
					log.Fatal(err)
				}
			}
		}()
	}
	all.Wait()
}

func process(jobs, types, workers int) {
	pool := work.NewWorkerPool(struct{}{}, uint(workers), connect.Namespace(), connect.Pool(workers+4))
	var left atomic.Int64
	left.Store(int64(jobs))
	done := make(chan struct{})
	for n := range types {
		pool.Job(name(n, types), func(*work.Job) error {
			if left.Add(-1) == 0 {
				close(done)
			}
			return nil
		})
	}
	pool.Start()
	select {
	case <-done:
	case <-time.After(10 * time.Minute):
		fmt.Fprintln(os.Stderr, left.Load(), "jobs were never worked on")
		os.Exit(1)
	}
	// What is settled after its handler is work, too.
	pool.Drain()
	pool.Stop()
}
