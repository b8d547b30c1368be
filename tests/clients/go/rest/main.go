// Google's client of the REST API for pull queues, against the server whose address is its argument:
// what it gets is printed.
package main

import (
	"encoding/base64"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"

	"google.golang.org/api/googleapi"
	taskqueue "google.golang.org/api/taskqueue/v1beta2"
)

const (
	project = "s~seed"
	queue   = "pull-queue"
)

func main() {
	service, err := taskqueue.New(http.DefaultClient)
	must(err)
	service.BasePath = os.Args[1] + "/taskqueue/v1beta2/projects/"
	tasks := taskqueue.NewTasksService(service)
	showQueue(service)
	insert(tasks)
	lease(tasks)
	change(tasks)
	deleteAll(tasks)
	showQueue(service)
}

func showQueue(service *taskqueue.Service) {
	queue, err := taskqueue.NewTaskqueuesService(service).Get(project, queue).GetStats(true).Do()
	must(err)
	stats := queue.Stats
	fmt.Println("queue", queue.Kind, queue.Id, stats.TotalTasks, stats.LeasedLastMinute, stats.LeasedLastHour)
}

func insert(tasks *taskqueue.TasksService) {
	for _, words := range []string{"parse parse1", "parse parse2", "render render1", "render render2"} {
		tag, name, _ := strings.Cut(words, " ")
		payload := base64.URLEncoding.EncodeToString([]byte(name + "?\xff\xfe>"))
		task := &taskqueue.Task{Id: name, Tag: tag, QueueName: queue, PayloadBase64: payload}
		task, err := tasks.Insert(project, queue, task).Do()
		must(err)
		fmt.Println("inserted", task.Id, task.Tag, task.QueueName, task.EnqueueTimestamp > 0)
	}
	_, err := tasks.Insert(project, queue, &taskqueue.Task{Id: "parse1", QueueName: queue}).Do()
	fmt.Println("again", code(err))
	task, err := tasks.Insert(project, queue, &taskqueue.Task{QueueName: queue}).Do()
	must(err)
	fmt.Println("named", len(task.Id) > 20)
	must(tasks.Delete(project, queue, task.Id).Do())
	listed, err := tasks.List(project, queue).Do()
	must(err)
	show("listed", listed.Items)
}

func lease(tasks *taskqueue.TasksService) {
	leased, err := tasks.Lease(project, queue, 100, 3600).GroupByTag(true).Tag("render").Do()
	must(err)
	show("by tag", leased.Items)
	leased, err = tasks.Lease(project, queue, 1, 3600).GroupByTag(true).Do()
	must(err)
	show("oldest tag", leased.Items)
	leased, err = tasks.Lease(project, queue, 100, 3600).Do()
	must(err)
	show("any", leased.Items)
	leased, err = tasks.Lease(project, queue, 100, 3600).Do()
	must(err)
	show("none", leased.Items)
	_, err = tasks.Lease(project, queue, 100, 3600).Tag("render").Do()
	fmt.Println("tag alone", code(err))
}

func change(tasks *taskqueue.TasksService) {
	task, err := tasks.Get(project, queue, "parse1").Do()
	must(err)
	before := task.LeaseTimestamp
	task, err = tasks.Update(project, queue, "parse1", 7200, task).Do()
	must(err)
	fmt.Println("updated", task.LeaseTimestamp > before)
	_, err = tasks.Update(project, queue, "parse1", 7200, &taskqueue.Task{Id: "parse1", LeaseTimestamp: before}).Do()
	fmt.Println("late", code(err), message(err))
	task, err = tasks.Patch(project, queue, "parse1", 0, &taskqueue.Task{QueueName: queue}).Do()
	must(err)
	leased, err := tasks.Lease(project, queue, 100, 60).Do()
	must(err)
	show("released", leased.Items)
}

func deleteAll(tasks *taskqueue.TasksService) {
	listed, err := tasks.List(project, queue).Do()
	must(err)
	for _, task := range listed.Items {
		must(tasks.Delete(project, queue, task.Id).Do())
	}
	fmt.Println("gone", code(tasks.Delete(project, queue, "parse1").Do()))
	_, err = tasks.Insert(project, queue, &taskqueue.Task{Id: "parse1", QueueName: queue}).Do()
	fmt.Println("name in use", code(err))
	_, err = tasks.Get(project, "no-queue", "parse1").Do()
	fmt.Println("no queue", code(err))
}

func show(title string, tasks []*taskqueue.Task) {
	fmt.Print(title, ":")
	for _, task := range tasks {
		payload, err := base64.URLEncoding.DecodeString(task.PayloadBase64)
		must(err)
		fmt.Printf(" %s %s %q", task.Id, task.QueueName, payload)
	}
	fmt.Println()
}

func code(err error) int {
	if err, ok := err.(*googleapi.Error); ok {
		return err.Code
	}
	return 0
}

func message(err error) string {
	if err, ok := err.(*googleapi.Error); ok {
		return err.Message
	}
	return ""
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
