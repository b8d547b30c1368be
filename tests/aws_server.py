"""Starts moto, which speaks SQS and S3, as a server that several programs may use at once.

By itself moto loses what is sent while something else is deleted, and hands one message to two
receivers: its queues are lists that every request changes as it likes, and looks through from end
to end. Here each request to a queue has its turn, and a message is found by its receipt handle. Of
a group whose lease has ended moto gives the last message first; here the first.

Where moto is more lenient than Amazon's service, it is as strict here: a FIFO queue remembers for
five minutes what it has had, also what is deleted by then; a receipt handle is good while its
message is in flight, and only the last one is. And a dead letter tells where it was before.

Entries of a batch fail where their message asks for it: see MISHAPS.
"""

import functools
import io
import json
import re
import threading
import time
from collections.abc import Mapping

from moto import backends
from moto.core import responses
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.server import main
from moto.sqs import models
from moto.sqs.exceptions import ReceiptHandleIsInvalid

REMEMBERED = 300

# What a message's body asks for by `"mishap":"NAME"`: the call whose entry fails, the code, whether
# the fault is the sender's, and how often it fails.
MISHAPS = {
    "send-busy": ("SendMessageBatch", "InternalError", False, 2),
    "send-refused": ("SendMessageBatch", "InvalidMessageContents", True, 1 << 30),
    "delete-busy": ("DeleteMessageBatch", "InternalError", False, 2),
    "delete-lost": ("DeleteMessageBatch", "ReceiptHandleIsInvalid", True, 1 << 30),
    # Only where it is a dead letter: for longer than a publisher asks at once.
    "bury-busy": ("SendMessageBatch", "InternalError", False, 12),
    "hide-busy": ("ChangeMessageVisibilityBatch", "InternalError", False, 2),
}

turn = threading.RLock()
present = None  # the time, where it stands still for whoever has the turn
by_handle = {}
arrivals = {}
failures = {}
dispatch = DomainDispatcherApplication.__call__
receive = models.SQSBackend.receive_message
mark_received = models.Message.mark_received
attributes = models.Queue.attributes.fget


# What moto works out anew for every request: the parts that it has, a folder each; whose a host's name is;
# what its own function for an action is called; and, by way of a date, the time for each message of a queue.
parts = frozenset(backends.list_of_moto_modules())
backends.list_of_moto_modules = lambda: parts
part_of_host = functools.lru_cache(maxsize=100)(DomainDispatcherApplication.get_backend_for_host)
DomainDispatcherApplication.get_backend_for_host = part_of_host
underscored = functools.lru_cache(maxsize=1000)(responses.camelcase_to_underscores)
responses.camelcase_to_underscores = underscored


def unix_time_millis():
    return time.time() * 1000


def in_turn(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        with turn:
            return function(*args, **kwargs)

    return wrapper


def receive_in_turns(self, queue_name, count, wait_seconds_timeout, *args, **kwargs):
    """A long poll looks again when something has come, or its time has."""
    end = time.monotonic() + wait_seconds_timeout
    with turn:
        while True:
            messages = receive_now(self, queue_name, count, 0, *args, **kwargs)
            rest = end - time.monotonic()
            if messages or rest <= 0:
                return messages
            arrived(self.get_queue(queue_name)).wait(min(rest, until_due(queue_name, self)))


def receive_now(self, queue_name, *args, **kwargs):
    """What is visible is nobody's, and nothing becomes visible in the middle of this."""
    global present
    present = unix_time_millis()
    try:
        pending = self.get_queue(queue_name).pending_messages
        pending.difference_update([message for message in pending if message.visible])
        return receive(self, queue_name, *args, **kwargs)
    finally:
        present = None


def arrived(queue):
    """What wakes the polls of a queue."""
    return arrivals.setdefault(queue.queue_arn, threading.Condition(turn))


def until_due(queue_name, backend):
    """In how many seconds the next message is visible again."""
    now = unix_time_millis()
    messages = backend.get_queue(queue_name)._messages
    times = [time for it in messages for time in (it.visible_at, it.delayed_until)]
    return min((time - now for time in times if time > now), default=60_000) / 1000 + 0.005


def mark(self, visibility_timeout=None):
    mark_received(self, visibility_timeout)
    by_handle[self.receipt_handle] = self
    self.received_at = unix_time_millis()


def in_flight(queue, handle):
    """The message of a handle that is still good; None where it was deleted."""
    message = by_handle.get(handle)
    if message is None:
        raise ReceiptHandleIsInvalid()
    if message not in queue.pending_messages:
        return None
    late = message.receipt_handle != handle or message.visible
    if late and queue.fifo_queue:
        raise ReceiptHandleIsInvalid()
    return message


def delete(self, receipt_handle):
    message = in_flight(self, receipt_handle)
    if message is not None and message.receipt_handle == receipt_handle:
        self._messages.remove(message)
        self.pending_messages.discard(message)
        if self.fifo_queue:  # what follows it in its group may come
            arrived(self).notify_all()


def change(self, queue_name, receipt_handle, visibility_timeout):
    queue = self.get_queue(queue_name)
    message = in_flight(queue, receipt_handle)
    if message is None or message.receipt_handle != receipt_handle or message.visible:
        raise ReceiptHandleIsInvalid()
    message.change_visibility(visibility_timeout)
    if int(visibility_timeout) == 0:
        message.visible_at = 0.0
        queue.pending_messages.discard(message)
    arrived(queue).notify_all()


def add_once(self, message):
    if self.fifo_queue and message.deduplication_id:
        now = time.monotonic()
        had = self.__dict__.setdefault("had", {})
        if now - had.get(message.deduplication_id, now - REMEMBERED) < REMEMBERED:
            return
        had[message.deduplication_id] = now
    if "home" in message.__dict__:
        message.source = message.home
    message.home = self.queue_arn
    self._messages.append(message)
    arrived(self).notify_all()


class Attributes(Mapping):
    """A queue's attributes; those that are asked for with every message are not counted."""

    def __init__(self, queue):
        self.queue = queue

    def get(self, name, default=None):
        if name == "ContentBasedDeduplication":
            fifo = self.queue.fifo_queue
            return str(self.queue.content_based_deduplication).lower() if fifo else default
        return attributes(self.queue).get(name, default)

    def __getitem__(self, name):
        return attributes(self.queue)[name]

    def items(self):
        return attributes(self.queue).items()

    def __iter__(self):
        return iter(attributes(self.queue))

    def __len__(self):
        return len(attributes(self.queue))


def mishap(operation, entry):
    """The failure that is due to an entry of a batch; None where it is to be carried out."""
    body = entry.get("MessageBody")
    if body is None:
        message = by_handle.get(entry.get("ReceiptHandle"))
        body = message.body if message else ""
    for name in re.findall(r'"mishap":"([a-z-]+)"', body):
        call, code, ours, times = MISHAPS[name]
        if name == "bury-busy" and "kakehi-dead-at" not in entry.get("MessageAttributes", {}):
            continue
        with turn:
            had = failures[operation, body] = failures.get((operation, body), 0) + 1
        if call == operation and had <= times:
            return {"Id": entry["Id"], "Code": code, "Message": name, "SenderFault": ours}
    return None


def answer(self, environ, start_response):
    """Keeps from moto what is to fail, and adds to its answers what they lack."""
    operation = environ.get("HTTP_X_AMZ_TARGET", "").removeprefix("AmazonSQS.")
    failed = []
    if operation in {call for call, *_ in MISHAPS.values()}:
        request = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        failed = [mishap(operation, entry) for entry in request["Entries"]]
        entries = [entry for entry, fails in zip(request["Entries"], failed) if not fails]
        failed = [fails for fails in failed if fails]
        body = json.dumps(request | {"Entries": entries}).encode()
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
        if not entries:
            return as_json(start_response, {"Successful": [], "Failed": failed})
    elif operation != "ReceiveMessage":
        return dispatch(self, environ, start_response)
    head = []
    body = b"".join(dispatch(self, environ, lambda *it: head.extend(it)))
    if not head[0].startswith("200"):
        start_response(*head)
        return [body]
    told = json.loads(body)
    if failed:
        told["Failed"] = told.get("Failed", []) + failed
    for message in told.get("Messages") or []:
        source = by_handle[message["ReceiptHandle"]].__dict__.get("source")
        if source:
            message["Attributes"]["DeadLetterQueueSourceArn"] = source
    return as_json(start_response, told)


def as_json(start_response, told):
    body = json.dumps(told).encode()
    headers = [("Content-Type", "application/x-amz-json-1.0"), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]


DomainDispatcherApplication.__call__ = answer
models.unix_time_millis = unix_time_millis
models.SQSBackend.receive_message = receive_in_turns
models.SQSBackend.change_message_visibility = change
models.SQSBackend.is_message_valid_based_on_retention_period = lambda *_: True
models.Message.mark_received = mark
models.Message.visible = property(lambda it: (present or unix_time_millis()) > it.visible_at)
models.Queue.delete_message = delete
models.Queue.add_message = add_once
models.Queue.attributes = property(Attributes)
for name in (
    "change_message_visibility",
    "change_message_visibility_batch",
    "create_queue",
    "delete_message",
    "delete_message_batch",
    "delete_queue",
    "get_queue_attributes",
    "purge_queue",
    "send_message",
    "send_message_batch",
    "set_queue_attributes",
):
    setattr(models.SQSBackend, name, in_turn(getattr(models.SQSBackend, name)))

if __name__ == "__main__":
    main()
