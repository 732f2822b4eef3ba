# SPDX-License-Identifier: Apache-2.0
"""Streams under asyncio: one mux per running loop, read when its descriptor is readable.

Imported only when a stream is used with ``async for``, because asyncio is slow to import.
"""
from __future__ import annotations

import asyncio
import json
import time
import weakref
from typing import TYPE_CHECKING, Any

from ._source import _raw, to_json
from .errors import CanceledError, TimeoutError
from .inference import Delta, Reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# So many deltas are handed out before other callbacks of the loop get their turn.
_BATCH = 256


class _LoopMux:
    """The mux of one loop. It must not hold the loop: the loop's end frees it."""

    def __init__(self) -> None:
        self._raw = _raw.mux_open()
        self._sinks: dict[int, asyncio.Queue[Any]] = {}
        self._tags = 0

    def start(self, endpoint: Any, request: Any, queue: asyncio.Queue[Any]) -> int:
        self._tags += 1
        tag = self._tags
        _raw.mux_add(self._raw, endpoint, request, tag)
        if not self._sinks:
            asyncio.get_running_loop().add_reader(_raw.mux_fd(self._raw), self._drain)
        self._sinks[tag] = queue
        self._drain()
        return tag

    def _drain(self) -> None:
        for _ in range(_BATCH):
            delta = _raw.mux_take(self._raw)
            if delta is None:
                return
            tag = _raw.delta_tag(delta)
            queue = self._sinks.get(tag)
            if queue is not None:
                queue.put_nowait(delta)
            if _raw.delta_last(delta):
                self._forget(tag)
        asyncio.get_running_loop().call_soon(self._drain)

    def _forget(self, tag: int) -> None:
        if self._sinks.pop(tag, None) is not None and not self._sinks:
            asyncio.get_running_loop().remove_reader(_raw.mux_fd(self._raw))

    def stop(self, tag: int) -> None:
        """Ends a stream that is still in flight; its last delta is dropped when it comes."""
        if tag in self._sinks:
            self._sinks[tag] = asyncio.Queue()
            _raw.mux_cancel(self._raw, tag)
            self._drain()


_muxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopMux] = weakref.WeakKeyDictionary()


def _mux_of(loop: asyncio.AbstractEventLoop) -> _LoopMux:
    mux = _muxes.get(loop)
    if mux is None:
        mux = _muxes[loop] = _LoopMux()
    return mux


class Ride:
    """One stream on the running loop's mux."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Any] = asyncio.Queue()

    async def deltas(self, endpoint: Any, request: Any, timeout: float | None) -> AsyncIterator[Any]:
        """The raw deltas of one request."""
        mux = _mux_of(self._loop)
        tag = mux.start(endpoint, request, self._queue)
        alarm = None if timeout is None else self._loop.call_later(timeout, self._expire, timeout)
        try:
            while (delta := await self._queue.get()) is not None:
                error = delta if isinstance(delta, Exception) else _raw.delta_error(delta)
                if error is not None:
                    raise error
                last = _raw.delta_last(delta)
                if not last or _raw.delta_json(delta):
                    yield delta
                if last:
                    return
        finally:
            if alarm is not None:
                alarm.cancel()
            mux.stop(tag)

    def _expire(self, timeout: float) -> None:
        self._queue.put_nowait(
            TimeoutError(f"the stream did not end within {timeout:g} s", retryable=True))

    def cancel(self) -> None:
        """Ends it from any thread."""
        try:
            self._loop.call_soon_threadsafe(
                self._queue.put_nowait, CanceledError("the stream was closed"))
        except RuntimeError:  # the loop is closed, and the stream with it
            pass


class Collected:
    """Puts a reply together from deltas: the mux keeps none."""

    def __init__(self) -> None:
        self._began = self._ended = time.monotonic()
        self._first: float | None = None
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._finish = ""
        self._last: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}

    def add(self, delta: Delta) -> None:
        self._ended = time.monotonic()
        if delta.index == 0:
            text, reasoning = delta.text, delta.reasoning
            if self._first is None and (text or reasoning):
                self._first = self._ended
                self._last = delta.to_dict()
            self._text.append(text)
            self._reasoning.append(reasoning)
            self._finish = delta.finish_reason or self._finish
        data = delta.to_json()
        if '"usage"' in data:
            self._usage = json.loads(data).get("usage") or self._usage

    def reply(self) -> Reply:
        made = Reply()
        made.text = "".join(self._text)
        made.reasoning = "".join(self._reasoning)
        made.finish_reason = self._finish
        made.model = self._last.get("model", "")
        made.id = self._last.get("id", "")
        made.prompt_tokens = self._usage.get("prompt_tokens")
        made.completion_tokens = self._usage.get("completion_tokens")
        made.cached_tokens = (self._usage.get("prompt_tokens_details") or {}).get("cached_tokens")
        made.ttft_ms = None if self._first is None else (self._first - self._began) * 1000
        made.total_ms = (self._ended - self._began) * 1000
        made._json = to_json(self._whole(made))
        return made

    def _whole(self, reply: Reply) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": reply.text}
        if reply.reasoning:
            message["reasoning_content"] = reply.reasoning
        choice = {"index": 0, "message": message, "finish_reason": reply.finish_reason or None}
        return {"id": reply.id, "object": "chat.completion", "model": reply.model,
                "choices": [choice], "usage": self._usage or None}
