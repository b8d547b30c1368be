// Works on jobs with a pool of gocraft/work until SIGTERM, and tells on stderr what it does, a JSON
// object a line. Its arguments are the names of jobs, each with options after commas:
//
//	work -ns NS -workers 2 -periodic 'mail:0 */2 * * * *' \
//	  'mail,max_fails=2,backoff=1' 'limited,max_concurrency=3'
//
// What a job does is told by its args (see handler.go).
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/gocraft/work"
	"kakehi.test/gocraft/connect"
)

func main() {
	workers := flag.Uint("workers", 1, "how many jobs are worked on at once")
	drain := flag.Bool("drain", false, "end once nothing is ready")
	var periodic entries
	flag.Var(&periodic, "periodic", "NAME:SPEC of a job that is enqueued by the clock")
	flag.Parse()
	pool := work.NewWorkerPool(nothing{}, *workers, connect.Namespace(), connect.Pool(int(*workers)+4))
	for _, words := range flag.Args() {
		name, options := parse(words)
		pool.JobWithOptions(name, options, handle)
	}
	for _, entry := range periodic {
		name, spec, _ := strings.Cut(entry, ":")
		pool.PeriodicallyEnqueue(spec, name)
	}
	run(pool, *drain)
}

// What a handler would share with its middleware.
type nothing struct{}

// A flag that may be given more than once.
type entries []string

func (it *entries) String() string { return strings.Join(*it, " ") }

func (it *entries) Set(entry string) error {
	*it = append(*it, entry)
	return nil
}

func run(pool *work.WorkerPool, drain bool) {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	pool.Start()
	say(event{What: "started"})
	if drain {
		pool.Drain()
	} else {
		<-stop
	}
	pool.Stop()
	say(event{What: "stopped"})
}

func parse(words string) (string, work.JobOptions) {
	parts := strings.Split(words, ",")
	var options work.JobOptions
	for _, part := range parts[1:] {
		option, value, _ := strings.Cut(part, "=")
		number, err := strconv.ParseUint(value, 10, 32)
		if err != nil {
			refuse(part)
		}
		apply(&options, option, uint(number))
	}
	return parts[0], options
}

func apply(options *work.JobOptions, option string, value uint) {
	switch option {
	case "priority":
		options.Priority = value
	case "max_fails":
		options.MaxFails = value
	case "max_concurrency":
		options.MaxConcurrency = value
	case "skip_dead":
		options.SkipDead = value != 0
	case "backoff":
		options.Backoff = func(*work.Job) int64 { return int64(value) }
	default:
		refuse(option)
	}
}

func refuse(option string) {
	fmt.Fprintln(os.Stderr, "no such option:", option)
	os.Exit(2)
}
