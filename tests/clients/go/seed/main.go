// What a blog showed in 2014 of pull queues in Go: add, add with tags, lease for an hour, lease by
// tag, lease by the tag of the oldest, delete. Its calls stand here as they did there; what they
// give is printed.
package main

import (
	"context"
	"fmt"
	"log"
	"sort"
	"strings"

	"kakehi.test/clients/taskqueue"
)

func main() {
	c := taskqueue.Context()
	if err := pull(c); err != nil {
		log.Fatal(err)
	}
	if err := tags(c); err != nil {
		log.Fatal(err)
	}
}

func pull(c context.Context) error {
	t := &taskqueue.Task{
		Payload: []byte("Hello world"),
		Method:  "PULL",
	}

	_, err := taskqueue.Add(c, t, "pull-queue")
	if err != nil {
		return err
	}

	tasks, err := taskqueue.Lease(c, 100, "pull-queue", 3600)
	if err != nil {
		return err
	}
	show("leased", tasks)

	return taskqueue.DeleteMulti(c, tasks, "pull-queue")
}

func tags(c context.Context) error {
	_, err := taskqueue.Add(c, &taskqueue.Task{Payload: []byte("parse1"), Method: "PULL", Tag: "parse"}, "pull-queue")
	_, err = taskqueue.Add(c, &taskqueue.Task{Payload: []byte("parse2"), Method: "PULL", Tag: "parse"}, "pull-queue")
	_, err = taskqueue.Add(c, &taskqueue.Task{Payload: []byte("render1"), Method: "PULL", Tag: "render"}, "pull-queue")
	_, err = taskqueue.Add(c, &taskqueue.Task{Payload: []byte("render2"), Method: "PULL", Tag: "render"}, "pull-queue")
	if err != nil {
		return err
	}

	// Only render tasks.
	tasks, err := taskqueue.LeaseByTag(c, 100, "pull-queue", 3600, "render")
	if err != nil {
		return err
	}
	show("by tag", tasks)

	tasks, err = taskqueue.LeaseByTag(c, 100, "pull-queue", 3600, "")
	if err != nil {
		return err
	}
	show("by the oldest", tasks)

	tasks, err = taskqueue.Lease(c, 100, "pull-queue", 3600)
	show("left", tasks)
	return err
}

func show(what string, tasks []*taskqueue.Task) {
	var payloads []string
	for _, task := range tasks {
		payloads = append(payloads, fmt.Sprintf("%s (leased %d)", task.Payload, task.RetryCount))
	}
	sort.Strings(payloads)
	fmt.Printf("%s: %s\n", what, strings.Join(payloads, ", "))
}
