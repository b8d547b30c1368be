#!/usr/bin/env python3
"""Tells a webhook that takes Slack's JSON when a temperature is above a threshold.

Run by `subscribe ... -- slack_alert.py` for each message, which is on stdin, a JSON object:

  of `nature-remo:`                a device with `name` and `newest_events`; its `te` counts
  of `nature-remo:?mode=changes`   a value with `kind`, `val` and `created_at`; those of kind `te`
                                   count. The device's name is in KAKEHI_ATTRIBUTE_NAME.
  of anything else                 a reading with `name`, `val` and `created_at`

Needs Python 3 and nothing else.

  ALERT_ABOVE             the threshold
  SLACK_WEBHOOK_FILE      a file with the webhook's address, which is a secret; or
  SLACK_WEBHOOK           the address itself

The exit code decides what becomes of the message: 0 done (told, or nothing to tell), 65 never again
(it is no reading, or the webhook refuses it: a dead letter), 75 not now (the webhook is down or asks
for patience: nothing is lost, and no attempt is spent).
"""
import json
import os
import sys
import urllib.error
import urllib.request

DONE, REJECT, NOT_NOW, FAILED = 0, 65, 75, 1
TEMPERATURE = "te"


def webhook():
    if path := os.environ.get("SLACK_WEBHOOK_FILE"):
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    return os.environ["SLACK_WEBHOOK"]


def post(text):
    body = json.dumps({"text": text}).encode()
    head = {"Content-Type": "application/json"}
    request = urllib.request.Request(webhook(), body, head)
    try:
        with urllib.request.urlopen(request, timeout=10):
            return DONE
    except urllib.error.HTTPError as answer:
        print(f"the webhook answered {answer.code}", file=sys.stderr)
        patience = answer.code in (408, 429)
        return REJECT if 400 <= answer.code < 500 and not patience else NOT_NOW
    except OSError as cause:
        # Not the address: it is a secret.
        print(f"the webhook cannot be reached: {cause}", file=sys.stderr)
        return NOT_NOW


def temperature(message):
    """Name, value and time of a message's temperature; None where it has none."""
    if "newest_events" in message:
        # A device without such a sensor has no event of it, or one without a value.
        event = message["newest_events"].get(TEMPERATURE) or {}
        name = message["name"] or message["device_id"]
    elif "kind" in message:
        event = message if message["kind"] == TEMPERATURE else {}
        name = os.environ.get("KAKEHI_ATTRIBUTE_NAME") or message["device_id"]
    else:
        event, name = {"val": message["val"], **message}, message["name"]
    if event.get("val") is None:
        return None
    return name, float(event["val"]), event.get("created_at")


def main():
    try:
        threshold = float(os.environ["ALERT_ABOVE"])
        webhook()
    except (KeyError, ValueError, OSError) as cause:
        print(f"ALERT_ABOVE and SLACK_WEBHOOK_FILE are needed: {cause}", file=sys.stderr)
        return FAILED
    try:
        reading = temperature(json.load(sys.stdin))
    except (AttributeError, KeyError, TypeError, ValueError):
        print("neither a device nor a reading with `name` and `val`", file=sys.stderr)
        return REJECT
    if reading is None:
        return DONE
    name, value, time = reading
    if value <= threshold:
        return DONE
    return post(f"{name}: {value:g} °C, above {threshold:g} ({time})")


sys.exit(main())
