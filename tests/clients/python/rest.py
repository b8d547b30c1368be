"""Google's client of the REST API for pull queues, made from the server's own description: no other
setting is needed. Its argument is the server's address; another one is a token."""

import base64
import sys

from google.oauth2.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

QUEUE = {"project": "s~seed", "taskqueue": "pull-queue"}


def service(address, token):
    described = f"{address}/discovery/v1/apis/{{api}}/{{apiVersion}}/rest"
    others = {"http": AuthorizedHttp(Credentials(token))} if token else {}
    return build("taskqueue", "v1beta2", discoveryServiceUrl=described, static_discovery=False,
                 **others)


def status(request):
    try:
        request.execute()
    except HttpError as error:
        return error.resp.status
    return None


def names(answer):
    return [task["id"] for task in answer.get("items", [])]


def insert(tasks, name, tag=None, **fields):
    payload = base64.b64encode(f"{name}?>\x7f".encode()).decode()
    body = {"id": name, "tag": tag, "queueName": "pull-queue", "payloadBase64": payload, **fields}
    task = tasks.insert(**QUEUE, body=body).execute()
    assert task["kind"] == "taskqueues#task" and task["id"] == name, task
    assert task["retry_count"] == 0 and task.get("tag") == tag, task
    return task


def lease_and_delete(tasks):
    insert(tasks, "a")
    answer = tasks.lease(**QUEUE, numTasks=100, leaseSecs=3600, groupByTag=False).execute()
    assert answer["kind"] == "taskqueues#tasks" and names(answer) == ["a"], answer
    task = answer["items"][0]
    assert task["queueName"] == "projects/s~seed/taskqueues/pull-queue", task
    assert base64.urlsafe_b64decode(task["payloadBase64"]) == b"a?>\x7f", task
    assert task["retry_count"] == 1 and "tag" not in task, task
    assert int(task["leaseTimestamp"]) - int(task["enqueueTimestamp"]) >= 3_600_000_000, task
    assert tasks.delete(**QUEUE, task="a").execute() in ("", b""), "an empty answer"
    empty = tasks.lease(**QUEUE, numTasks=1, leaseSecs=1).execute()
    assert "items" not in empty, empty


def lease_by_tag(tasks):
    for tag in ("parse", "render"):
        insert(tasks, f"{tag}1", tag)
        insert(tasks, f"{tag}2", tag)
    lease = {**QUEUE, "numTasks": 100, "leaseSecs": 3600}
    assert names(tasks.lease(**lease, groupByTag=True, tag="render").execute()) == ["render1", "render2"]
    assert names(tasks.lease(**lease, groupByTag=True).execute()) == ["parse1", "parse2"]
    assert status(tasks.lease(**lease, tag="render")) == 400
    listed = tasks.list(**QUEUE, fields="items(id,tag)").execute()
    assert listed == {"items": [{"id": f"{t}{n}", "tag": t} for t in ("parse", "render") for n in (1, 2)]}


def change(tasks):
    task = tasks.get(**QUEUE, task="parse1").execute()
    before = int(task["leaseTimestamp"])
    task = tasks.update(**QUEUE, task="parse1", newLeaseSeconds=7200, body=task).execute()
    assert int(task["leaseTimestamp"]) > before, task
    late = {"id": "parse1", "queueName": "pull-queue", "leaseTimestamp": str(before)}
    assert status(tasks.update(**QUEUE, task="parse1", newLeaseSeconds=1, body=late)) == 400
    patch = {"queueName": "pull-queue"}
    tasks.patch(**QUEUE, task="parse1", newLeaseSeconds=0, body=patch).execute()
    again = tasks.lease(**QUEUE, numTasks=1, leaseSecs=60).execute()["items"][0]
    assert (again["id"], again["retry_count"]) == ("parse1", 2), again


def refusals(tasks):
    assert status(tasks.insert(**QUEUE, body={"id": "parse1"})) == 409
    assert status(tasks.get(**QUEUE, task="none")) == 404
    assert status(tasks.list(project="seed", taskqueue="none")) == 404
    assert status(tasks.insert(**QUEUE, body={"id": "no name"})) == 400


def delete_all(tasks):
    for name in names(tasks.list(**QUEUE).execute()):
        tasks.delete(**QUEUE, task=name).execute()
    assert status(tasks.delete(**QUEUE, task="parse1")) == 404
    assert status(tasks.insert(**QUEUE, body={"id": "parse1"})) == 409, "the name still counts"


def main():
    client = service(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
    queue = client.taskqueues().get(**QUEUE, getStats=True).execute()
    assert queue["stats"]["totalTasks"] == 0 and queue["stats"]["leasedLastHour"] == "0", queue
    tasks = client.tasks()
    for step in (lease_and_delete, lease_by_tag, change, refusals, delete_all):
        step(tasks)
    assert "stats" not in client.taskqueues().get(**QUEUE).execute()
    print("done")


main()
