# SPDX-License-Identifier: Apache-2.0
"""A sandbox for all tests, and a small model server for what the sandbox does not do."""
import gc
import http.server
import json
import signal
import threading
import time

import pytest

import llmd
from llmd import _raw

# Who starts the tests in the background has SIGINT ignored, and so would the programs that get it.
signal.signal(signal.SIGINT, signal.default_int_handler)

SERVICE = """
name: {name}
namespace: llm
model: hf://Qwen/Qwen2.5-3B-Instruct
preset: tpu-v6e-4t
gateway: {{name: edge}}
"""


class Model(http.server.BaseHTTPRequestHandler):
    """Echoes; with these words it hangs, is slow, is cut, or refuses."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.answer(200, {"object": "list", "data": [{"id": "m1"}, {"id": "m2"}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append(body)
        text = body["messages"][-1]["content"] if "messages" in body else body.get("prompt", "")
        if text == "hang":
            self.server.stopping.wait(30)
            self.close_connection = True
        elif text == "refuse":
            self.answer(404, {"error": {"message": "no model x", "type": "NotFoundError"}})
        elif self.path.endswith("/embeddings"):
            self.answer(200, {"data": [{"embedding": [0.5]}]})
        elif body.get("stream"):
            self.stream(text, body.get("max_tokens", 5))
        else:
            said = {"role": "assistant", "content": f"echo {text}"}
            choice = {"index": 0, "message": said, "text": f"echo {text}", "finish_reason": "stop"}
            self.answer(200, {"id": "c1", "model": "m1", "choices": [choice],
                              "usage": {"prompt_tokens": 3, "completion_tokens": 2}})

    def event(self, data):
        line = b"data: " + (data if isinstance(data, bytes) else json.dumps(data).encode()) + b"\n\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))

    def stream(self, text, tokens):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for i in range(tokens):
                delta = {"index": 0, "delta": {"content": f"w{i} "}}
                self.event({"id": "c1", "model": "m1", "choices": [delta]})
                if text == "slow":
                    time.sleep(0.05)
                if text == "cut" and i == 2:
                    self.close_connection = True
                    return
            end = {"index": 0, "delta": {}, "finish_reason": "stop"}
            self.event({"id": "c1", "model": "m1", "choices": [end]})
            self.event({"id": "c1", "model": "m1", "choices": [],
                        "usage": {"prompt_tokens": 3, "completion_tokens": tokens}})
            self.event(b"[DONE]")
            self.wfile.write(b"0\r\n\r\n")
        except OSError:  # the client ended the stream
            self.server.ended.set()
            self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


@pytest.fixture(scope="session")
def server():
    server = Server(("127.0.0.1", 0), Model)
    server.stopping, server.ended, server.bodies = threading.Event(), threading.Event(), []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.stopping.set()
    server.shutdown()


@pytest.fixture
def endpoint(server):
    with llmd.Endpoint(f"http://127.0.0.1:{server.server_port}") as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def sandbox():
    with llmd.Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def kube(sandbox):
    return sandbox.kube


@pytest.fixture(scope="session")
def deployed(sandbox):
    """A gateway and a service that serve."""
    kube = sandbox.kube
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "llm"}}).run()
    kube.gateway.apply(llmd.GatewaySpec(name="edge", namespace="llm"), timeout=60).run()
    with kube.service.apply(SERVICE.format(name="shared"), timeout=60) as task:
        task.run()
    return "shared"


def pytest_sessionfinish(session):
    """Nothing of the library may live on when all tests are done (statically linked builds)."""
    for _ in range(100):
        gc.collect()
        live = _raw.live_allocations()
        if live <= 0:
            print(f"\nallocations of the library that are left: {live}")
            return
        time.sleep(0.01)
    print(f"\nnot ok leak counter: {live} allocations of the library are left")
    session.exitstatus = 1
