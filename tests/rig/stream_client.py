#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Streams answers of a service one after the other until it is told to end (SIGTERM):

    stream_client.py URL MODEL EVENTS [STREAMS]

STREAMS requests are under way at any time (3). Each must end with [DONE] after EVENTS events; nothing is
tried twice. Prints every failure with the seconds since the start, then how many requests there were;
exit 1 if one of them failed.
"""
import http.client
import json
import signal
import sys
import threading
import time
import urllib.parse

SILENCE = 20  # seconds; an event comes every tenth of one


class Client:
    def __init__(self, url, model, events):
        self.url = urllib.parse.urlsplit(url)
        self.body = json.dumps({"model": model, "stream": True, "max_tokens": events,
                                "messages": [{"role": "user", "content": "Say something."}]})
        self.events = events
        self.start = time.monotonic()
        self.ending = threading.Event()
        self.lock = threading.Lock()
        self.requests = 0
        self.failures = []

    def stream(self, connection):
        """One request; raises for whatever is not a whole answer."""
        connection.request("POST", self.url.path + "/v1/chat/completions", self.body,
                           {"Content-Type": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            raise ValueError(f"status {response.status}: {response.read(300)!r}")
        lines = [line for line in response.read().split(b"\n") if line.startswith(b"data: ")]
        if len(lines) != self.events + 1 or lines[-1] != b"data: [DONE]":
            raise ValueError(f"{len(lines)} events, the last of them {lines[-1:]}")

    def count(self, began, error):
        with self.lock:
            self.requests += 1
            if error:
                self.failures.append(error)
                print(f"{began - self.start:7.2f} to {time.monotonic() - self.start:7.2f}: {error!r}",
                      flush=True)

    def work(self):
        connection = None
        while not self.ending.is_set():
            began, error = time.monotonic(), None
            connection = connection or http.client.HTTPConnection(self.url.netloc, timeout=SILENCE)
            try:
                self.stream(connection)
            except (OSError, http.client.HTTPException, ValueError) as failure:
                error = failure
                connection.close()
                connection = None
                self.ending.wait(0.2)
            self.count(began, error)

    def run(self, streams):
        signal.signal(signal.SIGTERM, lambda *_: self.ending.set())
        threads = [threading.Thread(target=self.work) for _ in range(streams)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"{self.requests} requests in {time.monotonic() - self.start:.0f} s, "
              f"{len(self.failures)} failed")
        return 1 if self.failures or not self.requests else 0


def main():
    if len(sys.argv) not in (4, 5):
        print(__doc__, file=sys.stderr)
        return 2
    client = Client(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    return client.run(int(sys.argv[4]) if len(sys.argv) == 5 else 3)


if __name__ == "__main__":
    sys.exit(main())
