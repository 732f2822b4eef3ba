# SPDX-License-Identifier: Apache-2.0
import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

import llmd


def words(count):
    return "".join(f"w{i} " for i in range(count))


def test_chat_plain(endpoint):
    reply = endpoint.chat("hi", max_tokens=7, temperature=0.5)
    assert str(reply) == reply.text == "echo hi" and reply.finish_reason == "stop"
    assert (reply.prompt_tokens, reply.completion_tokens, reply.cached_tokens) == (3, 2, None)
    assert reply.model == "m1" and reply.total_ms >= reply.ttft_ms >= 0
    assert reply.to_dict()["usage"]["prompt_tokens"] == 3


def test_what_is_sent(server, endpoint):
    endpoint.chat([{"role": "system", "content": "be"}, {"role": "user", "content": "x"}],
                  model="m2", max_tokens=7, seed=4, stop=["\n"])
    body = server.bodies[-1]
    assert body["model"] == "m2" and body["max_tokens"] == 7 and body["seed"] == 4
    assert len(body["messages"]) == 2 and body["stop"] == ["\n"]
    endpoint.chat("unnamed")
    assert server.bodies[-1]["model"] == "m1"


def test_models_post_and_completion(endpoint):
    assert endpoint.models() == ["m1", "m2"] and endpoint.model() == "m1"
    assert endpoint.post("/v1/embeddings", {"input": "x"})["data"][0]["embedding"] == [0.5]
    assert endpoint.complete("once").text == "echo once"


def test_chat_streamed(endpoint):
    stream = endpoint.chat("hi", stream=True)
    with pytest.raises(llmd.InvalidError, match="not begun"):
        stream.reply
    assert "".join(delta.text for delta in stream) == words(5)
    assert stream.reply.text == words(5) and stream.reply.completion_tokens == 5
    assert list(stream) == []  # the end stays the end


def test_stream_chat_is_the_same(endpoint):
    assert "".join(map(str, endpoint.stream_chat("hi", max_tokens=3))) == words(3)


def test_a_cut_stream_raises_and_keeps_what_came(endpoint):
    stream = endpoint.chat("cut", stream=True)
    with pytest.raises((llmd.ProtocolError, llmd.UnreachableError)):
        for _ in stream:
            pass
    assert stream.reply.text == words(3)


def test_a_refusal_has_the_servers_words(endpoint):
    with pytest.raises(llmd.NotFoundError, match="no model x") as caught:
        endpoint.chat("refuse")
    assert caught.value.http_status == 404
    with pytest.raises(llmd.NotFoundError, match="no model x"):
        list(endpoint.chat("refuse", stream=True))


@pytest.mark.parametrize(("messages", "error", "words"), [
    (None, TypeError, "not NoneType"),
    (b"hi", TypeError, "not bytes"),
    ({"role": "user", "content": "hi"}, TypeError, "not dict"),
    ([], llmd.InvalidError, "the chat has no messages"),
    (["hi"], llmd.InvalidError, r"messages\[0\]: want an object with a role, got a string"),
    ([{"content": "hi"}], llmd.InvalidError, r"messages\[0\]: want an object with a role, there is"),
    ("\ud800", UnicodeEncodeError, "surrogates"),
    ("a\0b", llmd.InvalidError, "NUL"),
])
def test_odd_requests_are_told_clearly(endpoint, messages, error, words):
    with pytest.raises(error, match=words):
        endpoint.chat(messages)
    with pytest.raises(error, match=words):
        list(endpoint.chat(messages, stream=True))


def test_every_character_and_a_huge_prompt_arrive(server, endpoint):
    text = "Grüße 你好 🦙 \u202e עברית " * (1 << 18)
    endpoint.chat(text)
    assert server.bodies[-1]["messages"][0]["content"] == text


def test_breaking_out_ends_the_stream(server, endpoint):
    server.ended.clear()
    for _ in endpoint.chat("slow", stream=True, max_tokens=1000):
        break
    assert server.ended.wait(10)


def test_timeout_is_total(endpoint):
    with pytest.raises(TimeoutError) as caught:
        endpoint.chat("hang", timeout=0.1)
    assert isinstance(caught.value, llmd.TimeoutError)
    with pytest.raises(llmd.TimeoutError):
        for _ in endpoint.chat("slow", stream=True, max_tokens=1000, timeout=0.2):
            pass


def test_a_loop_after_a_timeout_goes_on(endpoint):
    stream = endpoint.chat("slow", stream=True, max_tokens=10, timeout=0.12)
    text = ""
    for _ in range(100):
        try:
            for delta in stream:
                text += delta.text
            break
        except llmd.TimeoutError:
            pass
    assert text == words(10)


def test_two_threads_share_one_stream(endpoint):
    stream, seen = endpoint.chat("slow", stream=True, max_tokens=12), []
    threads = [threading.Thread(target=lambda: seen.extend(d.text for d in stream))
               for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(filter(None, seen)) == sorted(f"w{i} " for i in range(12))


def test_other_threads_run_while_one_waits(endpoint):
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(None)
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    with pytest.raises(llmd.TimeoutError):
        endpoint.chat("hang", timeout=0.2)
    done.set()
    thread.join()
    assert len(ticks) > 20


def test_close_ends_a_wait_of_another_thread(endpoint):
    stream, caught = endpoint.chat("slow", stream=True, max_tokens=1000), []

    def read():
        try:
            for _ in stream:
                pass
        except llmd.CanceledError as error:
            caught.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    time.sleep(0.1)
    stream.close()
    thread.join(10)
    assert caught
    with pytest.raises(llmd.InvalidError, match="closed"):
        list(stream)


def test_a_closed_endpoint_says_so():
    endpoint = llmd.Endpoint("http://127.0.0.1:1")
    endpoint.close()
    for call in (endpoint.models, lambda: endpoint.chat("x"),
                 lambda: list(endpoint.stream_chat("x"))):
        with pytest.raises(llmd.InvalidError, match="this endpoint is closed"):
            call()


CTRL_C = """
import os, signal, sys, threading, time, llmd
endpoint = llmd.Endpoint(sys.argv[1])
def interrupt():
    global sent
    sent = time.monotonic()
    os.kill(os.getpid(), signal.SIGINT)
threading.Timer(0.3, interrupt).start()
try:
    if sys.argv[2] == "plain":
        endpoint.chat("hang")
    else:
        for _ in endpoint.chat("slow", stream=True, max_tokens=1000): pass
except KeyboardInterrupt:
    print(time.monotonic() - sent)
"""


@pytest.mark.parametrize("kind", ["plain", "stream"])
def test_ctrl_c_ends_a_wait(endpoint, kind):
    done = subprocess.run([sys.executable, "-c", CTRL_C, endpoint.url, kind], text=True,
                          capture_output=True, timeout=60)
    assert float(done.stdout) < 0.1, done.stderr


def test_async_many_streams(endpoint):
    async def one(i):
        stream = endpoint.chat("hi", stream=True, max_tokens=20)
        text = "".join([delta.text async for delta in stream])
        assert text == stream.reply.text == words(20)
        assert stream.reply.completion_tokens == 20 and stream.reply.finish_reason == "stop"

    async def all_of_them():
        await asyncio.gather(*(one(i) for i in range(100)))

    threads = threading.active_count()
    asyncio.run(all_of_them())
    assert threading.active_count() <= threads + 100  # the server's own


def test_async_needs_no_thread(endpoint):
    async def main():
        before = {t.name for t in threading.enumerate()}
        assert (await endpoint.chat("hi", stream=True)).text == words(5)
        assert not any("asyncio" in t.name for t in threading.enumerate() if t.name not in before)

    asyncio.run(main())


def test_async_errors_timeouts_and_close(endpoint):
    async def main():
        with pytest.raises(llmd.NotFoundError, match="no model x"):
            await endpoint.chat("refuse", stream=True)
        with pytest.raises(llmd.TimeoutError):
            await endpoint.chat("slow", stream=True, max_tokens=1000, timeout=0.2)
        cut = endpoint.chat("cut", stream=True)
        with pytest.raises((llmd.ProtocolError, llmd.UnreachableError)):
            await cut
        assert cut.reply.text == words(3)
        stream = endpoint.chat("slow", stream=True, max_tokens=1000)
        threading.Timer(0.1, stream.close).start()
        with pytest.raises(llmd.CanceledError):
            await stream

    asyncio.run(main())


def test_async_cancel_and_break(server, endpoint):
    async def main():
        reading = asyncio.ensure_future(read())
        await asyncio.sleep(0.2)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        async for _ in endpoint.chat("slow", stream=True, max_tokens=1000):
            break
        await asyncio.sleep(0.05)

    async def read():
        await endpoint.chat("slow", stream=True, max_tokens=1000)

    server.ended.clear()
    asyncio.run(main())
    assert server.ended.wait(10)


def test_free_in_any_order(endpoint):
    stream = endpoint.chat("slow", stream=True, max_tokens=5)
    iterator = iter(stream)
    next(iterator)
    endpoint.close()
    del stream
    gc.collect()
    assert "".join(d.text for d in iterator) == words(5)[3:]
    with pytest.raises(llmd.InvalidError):
        endpoint.chat("hi")


def test_asyncio_is_imported_only_when_used():
    code = "import sys, llmd; print('asyncio' in sys.modules, 'typing' in sys.modules)"
    done = subprocess.run([sys.executable, "-S", "-E", "-c",
                           f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
                          capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == "False"


def test_html_is_escaped_and_small(endpoint):
    html = endpoint.chat("<script>" + "x" * 100000)._repr_html_()
    assert "<script" not in html and "&lt;script&gt;" in html and len(html) < 50000


def test_signals_reach_their_handlers_during_a_wait(endpoint):
    seen = []
    old = signal.signal(signal.SIGUSR1, lambda *_: seen.append(time.monotonic()))
    try:
        began = time.monotonic()
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        with pytest.raises(llmd.TimeoutError):
            endpoint.chat("hang", timeout=1)
        assert seen and seen[0] - began < 0.5
    finally:
        signal.signal(signal.SIGUSR1, old)
