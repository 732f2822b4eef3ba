# SPDX-License-Identifier: Apache-2.0
"""The one idea of progress: a task is an iterator of events."""
from __future__ import annotations

import enum
import time

from ._pull import Pulled
from ._source import _raw, from_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Level(enum.IntEnum):
    """How serious an event is."""

    DEBUG = 0
    INFO = 1
    """progress"""
    WARNING = 2
    """something is wrong and may pass or be cured while we wait"""
    ERROR = 3
    """a fault that ends the wait, or a check that failed"""

    @classmethod
    def _missing_(cls, value: object) -> Level:
        return cls.ERROR  # the C library may grow levels


class Event:
    """What happened: a snapshot that never changes."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    @property
    def time(self) -> float:
        """When it happened, seconds since 1970 (UTC)."""
        return int(_raw.event_time_ms(self._raw)) / 1000

    @property
    def level(self) -> Level:
        """How serious it is."""
        return Level(_raw.event_level(self._raw))

    @property
    def step(self) -> str:
        """The step of the task that speaks: "apply", "wait"."""
        return str(_raw.event_step(self._raw))

    @property
    def phase(self) -> str:
        """Where a workload is: "scheduling", "node", "image", "download", "compile",
        "serving", or ""."""
        return str(_raw.event_phase(self._raw))

    @property
    def subject(self) -> str:
        """What it is about: "Pod/llm/qwen-0"."""
        return str(_raw.event_subject(self._raw))

    @property
    def reason(self) -> str:
        """One word: the server's reason or the finding's code."""
        return str(_raw.event_reason(self._raw))

    @property
    def message(self) -> str:
        """One line for people."""
        return str(_raw.event_message(self._raw))

    @property
    def advice(self) -> str:
        """What to do, or ""."""
        return str(_raw.event_advice(self._raw))

    @property
    def done(self) -> int:
        """How much is done, of ``total``; both 0 when unknown."""
        return int(_raw.event_done(self._raw))

    @property
    def total(self) -> int:
        """See ``done``."""
        return int(_raw.event_total(self._raw))

    def to_json(self) -> str:
        """The event as JSON text; a task's last one carries its result under "result"."""
        return str(_raw.event_json(self._raw))

    def to_dict(self) -> dict[str, Any]:
        """The event as a dictionary."""
        return dict(from_json(self.to_json()))

    def __str__(self) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(self.time))
        level = self.level
        mark = f"{level.name} " if level >= Level.WARNING else ""
        about = " ".join(part for part in (self.phase or self.step, self.subject) if part)
        said, reason = self.message, self.reason
        if reason and reason.lower() not in said.lower():
            said = f"{said} ({reason})"
        line = f"{clock} {mark}{about}: {said}" if about else f"{clock} {mark}{said}"
        return f"{line}\n         {self.advice}" if self.advice else line

    def __repr__(self) -> str:
        return f"<llmd.Event {self}>"

    def _repr_html_(self) -> str:
        from ._html import events_html

        return events_html([self])


class Task(Pulled[Event]):
    """Work that tells its progress. Nothing is sent before it is iterated or run.

    After a crash make the task again: every step looks before it acts. Tasks that do not need each
    other run side by side: ``await asyncio.gather(one, other)``, or each on a thread of its own.
    """

    _what = "task"

    def __init__(self, raw: Any, timeout: float | None) -> None:
        super().__init__(raw, timeout)
        self._last: Event | None = None
        self._done = False
        self._worst = Level.DEBUG
        self._shown: list[Event] = []  # what _repr_html_ shows

    def _next(self, ctx: Any) -> Event | None:
        raw = _raw.task_next(ctx, self._raw)
        if raw is None:
            self._done = True
            return None
        event = self._last = Event(raw)
        self._worst = Level(_raw.task_worst(self._raw))
        self._shown = [*self._shown[-19:], event]
        return event

    def run(self, on_event: Callable[[Event], object] | None = None) -> Any:
        """Works to the end, hands each event to ``on_event``, and returns ``result``."""
        for event in self:
            if on_event is not None:
                on_event(event)
        return self.result

    def __await__(self) -> Any:
        async def finish() -> Any:
            async for _ in self:
                pass
            return self.result

        return finish().__await__()

    @property
    def done(self) -> bool:
        """Whether it came to its end."""
        return self._done

    @property
    def result(self) -> Any:
        """What the last event carries as its result; None before the end."""
        if not self._done or self._last is None:
            return None
        return self._last.to_dict().get("result")

    @property
    def worst(self) -> Level:
        """The worst level among the events so far: a check's verdict."""
        return self._worst

    def __repr__(self) -> str:
        state = "closed" if self._closed and not self._done else "done" if self._done else "open"
        return f"<llmd.Task {state}, worst {self._worst.name}, last {self._last!s}>"

    def _repr_html_(self) -> str:
        from ._html import task_html

        return task_html(self._shown, self._done, self._worst)
