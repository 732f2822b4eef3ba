# SPDX-License-Identifier: Apache-2.0
"""What can go wrong: one class per code of the C library, all of them an ``llmd.Error``.

A message names the object first and then what happened; ``reason`` is the server's own word and
``advice`` what to do next. Running out of memory is the built-in ``MemoryError``.
"""
from __future__ import annotations

import builtins

__all__ = [
    "Error", "InvalidError", "NotFoundError", "ExistsError", "ConflictError", "DeniedError",
    "BusyError", "UnreachableError", "TimeoutError", "CanceledError", "RemoteError",
    "ProtocolError", "TooLargeError", "FailedError", "SystemError",
]


class Error(Exception):
    """The base of all errors of this package; ``str()`` shows message and advice."""

    code: str = "FAILED"

    def __init__(
        self, message: str, *, reason: str = "", advice: str = "", http_status: int = 0,
        retryable: bool = False, retry_after: float | None = None,
        cause: BaseException | None = None, code: str | None = None,
    ) -> None:
        super().__init__(message)
        #: One line for people, without the advice.
        self.message = message
        #: The server's word, such as "AlreadyExists", or "".
        self.reason = reason
        #: What to do now, or "".
        self.advice = advice
        #: The HTTP status that the server answered, or 0.
        self.http_status = http_status
        #: Whether the same call may succeed later without a change.
        self.retryable = retryable
        #: Seconds that the server asked to wait, or None.
        self.retry_after = retry_after
        #: The error underneath, or None.
        self.cause = cause
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message}\n{self.advice}" if self.advice else self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword arguments are not in args, so the default way would lose them in a process pool.
        return type(self), (self.message,), dict(self.__dict__)


class InvalidError(Error, ValueError):
    """Bad input or wrong use; or a server that refused a request, in its words."""
    code = "INVALID"


class NotFoundError(Error, LookupError):
    """The server does not have it, or a file does not exist."""
    code = "NOT_FOUND"


class ExistsError(Error):
    """It exists already."""
    code = "EXISTS"


class ConflictError(Error):
    """Somebody else owns or changed it."""
    code = "CONFLICT"


class DeniedError(Error, PermissionError):
    """Not authenticated or not authorised (401, 403)."""
    code = "DENIED"


class BusyError(Error):
    """Too many requests (429), or in use by an operation."""
    code = "BUSY"


class UnreachableError(Error, ConnectionError):
    """No connection: name, route, refused, TLS."""
    code = "UNREACHABLE"


class TimeoutError(Error, builtins.TimeoutError):
    """``timeout=`` or a limit of the request passed."""
    code = "TIMEOUT"


class CanceledError(Error):
    """Another thread closed or cancelled what this one was waiting for."""
    code = "CANCELED"


class RemoteError(Error):
    """The server failed (5xx) or refused for a reason of its own."""
    code = "REMOTE"


class ProtocolError(Error):
    """An answer that is not what the protocol promises."""
    code = "PROTOCOL"


class TooLargeError(Error):
    """Remote data over the library's caps."""
    code = "TOO_LARGE"


class FailedError(Error):
    """The thing itself failed: a workload that cannot become ready."""
    code = "FAILED"


class SystemError(Error, OSError):
    """The operating system: files, processes, descriptors."""
    code = "SYSTEM"


_BY_CODE: dict[str, type[Error]] = {
    cls.code: cls for cls in Error.__subclasses__()
}


# What C calls NULL is a handle that close() gave up: there is no other way to one.
_CLOSED = {"endpoint is NULL": "this endpoint is closed", "kube is NULL": "this cluster is closed"}


def from_c(
    code: str, message: str, reason: str, advice: str, http_status: int, retryable: bool,
    retry_after_ms: int, cause: BaseException | None,
) -> BaseException:
    """Makes the exception of a C error; called by the raw module."""
    if code == "NO_MEMORY":
        return MemoryError(message)
    message = _CLOSED.get(message.rpartition(": ")[2], message)
    return _BY_CODE.get(code, Error)(
        message, reason=reason, advice=advice, http_status=http_status, retryable=retryable,
        retry_after=retry_after_ms / 1000 if retry_after_ms > 0 else None, cause=cause, code=code,
    )
