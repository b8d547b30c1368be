"""Google's clients of Cloud Tasks, which still have the pull half of `v2beta2`: the one that was made
for it, and the one that is made from a description. The argument is the server's address."""

import datetime
import sys
from urllib.parse import urlsplit

from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import tasks_v2beta2
from google.cloud.tasks_v2beta2.services.cloud_tasks.transports import CloudTasksRestTransport
from googleapiclient.discovery import build

LOCATION = "projects/seed/locations/anywhere"
QUEUE = f"{LOCATION}/queues/cloud-queue"
HOUR = datetime.timedelta(hours=1)


def made_for_it(address):
    transport = CloudTasksRestTransport(
        host=urlsplit(address).netloc, url_scheme="http", credentials=AnonymousCredentials())
    return tasks_v2beta2.CloudTasksClient(transport=transport)


def raises(kind, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except kind:
        return True
    return False


def queues(client):
    target = {"name": QUEUE, "pull_target": {}, "retry_config": {"max_attempts": 5}}
    queue = client.create_queue(parent=LOCATION, queue=target)
    assert queue.name == QUEUE and queue.retry_config.max_attempts == 5, queue
    assert raises(exceptions.Conflict, client.create_queue, parent=LOCATION, queue=target)
    queue = client.get_queue(name=QUEUE)
    assert queue.state == tasks_v2beta2.Queue.State.RUNNING, queue
    queue.retry_config.max_attempts = 7
    queue = client.update_queue(queue=queue, update_mask={"paths": ["retry_config.max_attempts"]})
    assert queue.retry_config.max_attempts == 7, queue
    assert QUEUE in [queue.name for queue in client.list_queues(parent=LOCATION)]
    assert raises(exceptions.NotFound, client.get_queue, name=f"{LOCATION}/queues/none")


def create(client, name, tag):
    task = {"name": f"{QUEUE}/tasks/{name}", "pull_message": {"payload": b"\xfb\xff", "tag": tag}}
    task = client.create_task(parent=QUEUE, task=task)
    assert task.name == f"{QUEUE}/tasks/{name}" and task.pull_message.tag == tag, task
    assert task.pull_message.payload == b"", "the payload is not shown"


def lease(client, filter_, view=tasks_v2beta2.Task.View.FULL):
    request = {"parent": QUEUE, "max_tasks": 100, "lease_duration": HOUR, "filter": filter_,
               "response_view": view}
    return list(client.lease_tasks(request=request).tasks)


def short(tasks):
    return [task.name.rsplit("/", 1)[1] for task in tasks]


def tasks(client):
    for tag in ("parse", "render"):
        create(client, f"{tag}1", tag)
        create(client, f"{tag}2", tag)
    rendered = lease(client, "tag=render")
    assert short(rendered) == ["render1", "render2"], rendered
    assert rendered[0].pull_message.payload == b"\xfb\xff", rendered
    assert rendered[0].status.attempt_dispatch_count == 1, rendered
    parsed = lease(client, "tag_function=oldest_tag()")
    assert short(parsed) == ["parse1", "parse2"], parsed
    assert lease(client, "") == []
    for task in rendered:
        client.acknowledge_task(name=task.name, schedule_time=task.schedule_time)
    assert raises(exceptions.NotFound, client.get_task, name=rendered[0].name)
    first, second = parsed
    renewed = client.renew_lease(
        name=first.name, schedule_time=first.schedule_time, lease_duration=2 * HOUR)
    assert renewed.schedule_time > first.schedule_time, renewed
    late = {"name": first.name, "schedule_time": first.schedule_time}
    assert raises(exceptions.BadRequest, client.acknowledge_task, **late)
    client.cancel_lease(name=second.name, schedule_time=second.schedule_time)
    assert short(lease(client, "tag=parse")) == ["parse2"]
    pages = client.list_tasks(request={"parent": QUEUE, "page_size": 1})
    assert short(pages) == ["parse1", "parse2"]
    client.delete_task(name=first.name)
    client.purge_queue(name=QUEUE)
    assert list(client.list_tasks(parent=QUEUE)) == []


def pauses(client):
    create(client, "waits", "")
    paused = client.pause_queue(name=QUEUE)
    assert paused.state == tasks_v2beta2.Queue.State.PAUSED, paused
    assert raises(exceptions.BadRequest, lease, client, "")
    client.resume_queue(name=QUEUE)
    assert short(lease(client, "")) == ["waits"]


def from_a_description(address):
    client = build("cloudtasks", "v2beta2", client_options={"api_endpoint": address},
                   credentials=AnonymousCredentials())
    calls = client.projects().locations().queues().tasks()
    message = {"payload": "aGk=", "tag": "described"}
    created = calls.create(parent=QUEUE, body={"task": {"pullMessage": message}}).execute()
    assert created["view"] == "BASIC" and created["pullMessage"] == {"tag": "described"}, created
    body = {"maxTasks": 1, "leaseDuration": "60s", "filter": "tag=described", "responseView": "FULL"}
    (task,) = calls.lease(parent=QUEUE, body=body).execute()["tasks"]
    assert task["name"] == created["name"] and task["pullMessage"] == message, task
    assert calls.lease(parent=QUEUE, body=body).execute() == {}
    done = {"scheduleTime": task["scheduleTime"]}
    assert calls.acknowledge(name=task["name"], body=done).execute() == {}


def main():
    client = made_for_it(sys.argv[1])
    for step in (queues, tasks, pauses):
        step(client)
    from_a_description(sys.argv[1])
    print("done")


main()
