#!/usr/bin/env python3
"""Stands in for a webhook: `show_webhook.py FILE` prints its address and appends what it is told.

Ends when its standard input does, so that it never outlives the script that started it.
"""
import http.server
import json
import sys
import threading


class Webhook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open(sys.argv[1], "a", encoding="utf-8") as file:
            file.write(told["text"] + "\n")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
print(f"http://127.0.0.1:{server.server_address[1]}/", flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
