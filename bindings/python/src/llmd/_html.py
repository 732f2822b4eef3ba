# SPDX-License-Identifier: Apache-2.0
"""Static HTML for notebooks: escaped, inline style, no script, readable on dark and light pages."""
from __future__ import annotations

import html
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .inference import Reply
    from .task import Event, Level

_COLOUR = {"DEBUG": "#888", "INFO": "#2e8b57", "WARNING": "#d08700", "ERROR": "#d33"}
_CELL = "text-align:left;vertical-align:top;padding:2px 8px"
_CAP = 400  # of one text, so that a notebook stays small


def _text(text: str) -> str:
    return html.escape(text if len(text) <= _CAP else text[: _CAP - 1] + "…")


def _row(event: Event) -> str:
    clock = time.strftime("%H:%M:%S", time.localtime(event.time))
    colour = _COLOUR.get(event.level.name, "#888")
    bar = ""
    if event.total > 0:
        share = min(100, max(0, event.done * 100 // event.total))
        bar = f" <progress max='100' value='{share}'></progress>"
    advice = f"<br><i>{_text(event.advice)}</i>" if event.advice else ""
    return (
        f"<tr><td style='{_CELL}'>{clock}</td>"
        f"<td style='{_CELL};color:{colour};font-weight:bold'>{_text(event.phase or event.step)}</td>"
        f"<td style='{_CELL}'>{_text(event.subject)}</td>"
        f"<td style='{_CELL}'>{_text(event.message)}{bar}{advice}</td></tr>"
    )


def events_html(events: Sequence[Event]) -> str:
    """A table, one row an event."""
    rows = "".join(_row(event) for event in events)
    return f"<table style='font-size:90%;border-collapse:collapse'>{rows}</table>"


def task_html(events: Sequence[Event], done: bool, worst: Level) -> str:
    """The newest events and how it stands."""
    state = "done" if done else "not finished"
    colour = _COLOUR.get(worst.name, "#888")
    head = f"<b style='color:{colour}'>{state}</b>, worst level {worst.name.lower()}"
    return f"<div>{head}{events_html(events)}</div>"


def reply_html(reply: Reply) -> str:
    """The answer's text with its numbers below."""
    facts = [reply.model, reply.finish_reason]
    if reply.completion_tokens is not None:
        facts.append(f"{reply.prompt_tokens} + {reply.completion_tokens} tokens")
    if reply.ttft_ms is not None:
        facts.append(f"first token {reply.ttft_ms:.0f} ms")
    facts.append(f"{reply.total_ms:.0f} ms")
    shown = reply.text if len(reply.text) <= 20000 else reply.text[:20000] + "…"
    return (
        f"<div style='white-space:pre-wrap'>{html.escape(shown)}</div>"
        f"<div style='font-size:80%;opacity:.7'>{' · '.join(_text(f) for f in facts if f)}</div>"
    )
