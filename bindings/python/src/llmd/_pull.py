# SPDX-License-Identifier: Apache-2.0
"""The one shape of everything that waits item by item: tasks, lists, watches, logs, streams."""
from __future__ import annotations

from _thread import allocate_lock
from abc import ABC, abstractmethod

from ._generic import Generic, TypeVar
from ._source import _raw
from .errors import InvalidError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import TracebackType
    from typing import Any

T = TypeVar("T")
Self = TypeVar("Self", bound="Pulled[Any]")


class Pulled(ABC, Generic[T]):
    """An iterator of the C library, usable by ``for`` and ``async for``.

    ``timeout`` is the total number of seconds of one loop. When it passes, ``TimeoutError`` ends
    the loop but not the work: another loop goes on where this one stopped.
    """

    _what = "iterator"

    def __init__(self, raw: Any, timeout: float | None) -> None:
        self._raw = raw
        self._timeout = timeout
        self._closed = False
        self._lock = allocate_lock()  # one thread inside at a time; others share the items
        self._contexts: list[Any] = []

    @abstractmethod
    def _next(self, ctx: Any) -> T | None:
        """Waits for one item; None at the end. Called with the lock held."""

    def _pull(self, ctx: Any) -> T | None:
        with self._lock:
            if self._closed:
                raise InvalidError(f"this {self._what} is closed")
            return self._next(ctx)

    def _enter(self) -> Any:
        if self._closed:
            raise InvalidError(f"this {self._what} is closed")
        ctx = _raw.context_for(-1 if self._timeout is None else _seconds(self._timeout))
        self._contexts.append(ctx)
        return ctx

    def __iter__(self) -> Iterator[T]:
        ctx = self._enter()
        try:
            while (item := self._pull(ctx)) is not None:
                yield item
        finally:
            self._contexts.remove(ctx)

    async def __aiter__(self) -> AsyncIterator[T]:
        import asyncio

        ctx = self._enter()
        try:
            while True:
                step = asyncio.ensure_future(asyncio.to_thread(self._pull, ctx))
                try:
                    item = await asyncio.shield(step)
                except asyncio.CancelledError:
                    # The thread leaves within milliseconds; nothing goes on behind our back.
                    _raw.context_cancel(ctx)
                    await asyncio.wait([step])
                    step.cancelled() or step.exception()
                    raise
                if item is None:
                    return
                yield item
        finally:
            self._contexts.remove(ctx)

    def close(self) -> None:
        """Ends it, also while another thread waits in it; closing twice is fine."""
        self._closed = True
        for ctx in list(self._contexts):
            _raw.context_cancel(ctx)
        # The C object goes when the last thread inside drops its reference.
        self._raw = None

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self: Self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _seconds(timeout: float) -> float:
    if not isinstance(timeout, (int, float)) or not 0 <= timeout < 1e12:
        raise ValueError("timeout must be None or a number of seconds from 0")
    return timeout
