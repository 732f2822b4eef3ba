# SPDX-License-Identifier: Apache-2.0
"""Live progress of a task: one line that is rewritten on a terminal, one table that is updated in
a notebook, plain lines anywhere else."""
from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

from .task import Level

if TYPE_CHECKING:
    from .task import Event, Task


def progress(task: Task, file: TextIO | None = None) -> Any:
    """Runs the task to its end, showing what happens, and returns its result.

    Warnings and errors stay on the screen with their advice. ``file`` is standard error by default.
    """
    if file is None and (show := _notebook()) is not None:
        return _in_notebook(task, show)
    out = file or sys.stderr
    return _on_terminal(task, out) if out.isatty() else _as_lines(task, out)


def _as_lines(task: Task, out: TextIO) -> Any:
    for event in task:
        print(event, file=out, flush=True)
    return task.result


def _on_terminal(task: Task, out: TextIO) -> Any:
    try:
        for event in task:
            if event.level >= Level.WARNING:
                out.write(f"\r\033[K{event}\n")
            else:
                out.write(f"\r\033[K{_fitted(event, out)}")
            out.flush()
    finally:
        out.write("\n")
    return task.result


def _fitted(event: Event, out: TextIO) -> str:
    try:
        width = os.get_terminal_size(out.fileno()).columns
    except (OSError, ValueError):
        width = 80
    share = f" {event.done}/{event.total}" if event.total > 0 else ""
    return (str(event).split("\n", 1)[0] + share)[: width - 1]


def _notebook() -> Any:
    """IPython's display function where a kernel shows rich output, else None."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None or not hasattr(shell, "kernel"):
        return None
    from IPython.display import display

    return display


def _in_notebook(task: Task, display: Any) -> Any:
    handle = display(task, display_id=True)
    try:
        for _ in task:
            handle.update(task)
    finally:
        handle.update(task)
    return task.result
