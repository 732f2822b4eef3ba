# SPDX-License-Identifier: Apache-2.0
"""OpenAI-style calls: one at a time, streamed, or thousands at once on one event loop."""
from __future__ import annotations

from ._generic import overload
from ._pull import Pulled
from ._source import _raw, from_json, to_json
from .errors import InvalidError
from .task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from typing import Any, Literal, Union

    from .credentials import Credentials

    #: One user message, or all messages as OpenAI defines them.
    Messages = Union[str, Sequence[Mapping[str, Any]]]


class Delta:
    """A piece of a streamed answer; ``str()`` is its text."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    @property
    def text(self) -> str:
        """The text that this delta adds; "" for none."""
        return str(_raw.delta_text(self._raw))

    @property
    def reasoning(self) -> str:
        """Reasoning text that this delta adds; "" for none."""
        return str(_raw.delta_reasoning(self._raw))

    @property
    def index(self) -> int:
        """Which choice it belongs to."""
        return int(_raw.delta_index(self._raw))

    @property
    def finish_reason(self) -> str:
        """Why the choice ended ("stop", "length"), or ""."""
        return str(_raw.delta_finish_reason(self._raw))

    def to_json(self) -> str:
        """The event's data as it came."""
        return str(_raw.delta_json(self._raw))

    def to_dict(self) -> dict[str, Any]:
        """The event's data as a dictionary."""
        return dict(from_json(self.to_json() or "{}"))

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<llmd.Delta {self.text!r}>"


class Reply:
    """A whole answer; ``str()`` is its text."""

    __slots__ = ("text", "reasoning", "finish_reason", "model", "id", "prompt_tokens",
                 "completion_tokens", "cached_tokens", "ttft_ms", "total_ms", "_json")

    _json: str
    #: The first choice's text.
    text: str
    #: The first choice's reasoning text, or "".
    reasoning: str
    #: Why it ended: "stop", "length", or "".
    finish_reason: str
    #: The model that answered.
    model: str
    #: The server's id of the answer.
    id: str
    #: Tokens of the prompt; None unknown.
    prompt_tokens: int | None
    #: Tokens of the answer; None unknown.
    completion_tokens: int | None
    #: Prompt tokens found in the prefix cache; None unknown.
    cached_tokens: int | None
    #: Milliseconds to the first delta with text (plain calls: to the first byte); None unknown.
    ttft_ms: float | None
    #: Milliseconds from sending to the end.
    total_ms: float

    @classmethod
    def from_raw(cls, raw: Any) -> Reply:
        made = cls()
        made.text = _raw.reply_text(raw)
        made.reasoning = _raw.reply_reasoning(raw)
        made.finish_reason = _raw.reply_finish_reason(raw)
        made.model = _raw.reply_model(raw)
        made.id = _raw.reply_id(raw)
        made.prompt_tokens = _known(_raw.reply_prompt_tokens(raw))
        made.completion_tokens = _known(_raw.reply_completion_tokens(raw))
        made.cached_tokens = _known(_raw.reply_cached_tokens(raw))
        ttft = _raw.reply_ttft_ms(raw)
        made.ttft_ms = ttft if ttft >= 0 else None
        made.total_ms = _raw.reply_total_ms(raw)
        made._json = _raw.reply_json(raw)
        return made

    def to_json(self) -> str:
        """The answer's JSON text; for a stream, one put together."""
        return self._json

    def to_dict(self) -> dict[str, Any]:
        """The answer's JSON as a dictionary; for a stream, one put together."""
        return dict(from_json(self._json))

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        shown = self.text if len(self.text) <= 60 else self.text[:59] + "…"
        return f"<llmd.Reply {shown!r} {self.finish_reason}>"

    def _repr_html_(self) -> str:
        from ._html import reply_html

        return reply_html(self)


def _known(count: int) -> int | None:
    return count if count >= 0 else None


class Stream(Pulled[Delta]):
    """A streamed answer, usable by ``for`` and ``async for``; the request is sent when the loop
    begins. Under asyncio all streams of a loop share one set of connections and need no thread;
    ``await stream`` gives the whole reply.

    Closing it, or dropping the last reference, makes the server stop generating. A stream that is
    cut raises, and what came before stays in ``reply``.
    """

    _what = "stream"

    def __init__(self, endpoint: Any, request: Any, timeout: float | None) -> None:
        super().__init__(None, timeout)
        self._endpoint = endpoint
        self._request = request
        # On a loop's mux: the ride, and the reply put together meanwhile.
        self._ride: Any = None
        self._collected: Any = None

    def _next(self, ctx: Any) -> Delta | None:
        if self._collected is not None:
            return None
        if self._raw is None:
            self._raw = _raw.endpoint_stream(ctx, self._endpoint, self._request)
        raw = _raw.stream_next(ctx, self._raw)
        return None if raw is None else Delta(raw)

    def __aiter__(self) -> AsyncIterator[Delta]:
        if self._raw is not None:  # began in a plain loop: goes on by threads
            return super().__aiter__()
        return self._on_loop()

    async def _on_loop(self) -> AsyncIterator[Delta]:
        from ._mux import Collected, Ride

        if self._closed:
            raise InvalidError("this stream is closed")
        if self._collected is not None:
            return
        self._collected = Collected()
        self._ride = Ride()
        arriving = self._ride.deltas(self._endpoint, self._request, self._timeout)
        try:
            async for raw in arriving:
                delta = Delta(raw)
                self._collected.add(delta)
                yield delta
        finally:
            await arriving.aclose()

    def close(self) -> None:
        """Ends it (the server stops generating), also while another thread waits in it."""
        super().close()
        if self._ride is not None:
            self._ride.cancel()

    def __await__(self) -> Any:
        async def finish() -> Reply:
            async for _ in self:
                pass
            return self.reply

        return finish().__await__()

    @property
    def reply(self) -> Reply:
        """All so far as one reply, also after an error."""
        if self._collected is not None:
            return self._collected.reply()  # type: ignore[no-any-return]
        with self._lock:
            if self._raw is None:
                raise InvalidError(f"this stream is {'closed' if self._closed else 'not begun'}")
            return Reply.from_raw(_raw.stream_reply(self._raw))

    def __repr__(self) -> str:
        return f"<llmd.Stream {'closed' if self._closed else 'open'}>"


def endpoint_spec(
    url: str | None, model: str | None, headers: Mapping[str, str] | None, ca: str | None,
    insecure: bool, connect_timeout: float | None, first_event_timeout: float | None,
    idle_timeout: float | None,
) -> Any:
    """The raw spec of what was given, or None when nothing was."""
    values = {
        "url": url, "model": model, "headers": headers, "ca": ca, "insecure": insecure or None,
        "connectTimeoutMs": _ms(connect_timeout), "firstEventTimeoutMs": _ms(first_event_timeout),
        "idleTimeoutMs": _ms(idle_timeout),
    }
    given = {key: value for key, value in values.items() if value is not None}
    return _raw.endpoint_spec_parse(to_json(given)) if given else None


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds * 1000)


class Endpoint:
    """A place that answers OpenAI-style calls; opening it sends nothing. Any thread may use it.

    ``model`` is for requests that name none (by default the first one served); ``ca`` is PEM text
    of the authorities to trust; the timeouts are in seconds: for making a connection, until the
    first byte or event, and for silence between events.
    """

    def __init__(
        self, url: str, *, token: str | None = None, credentials: Credentials | None = None,
        model: str | None = None, headers: Mapping[str, str] | None = None, ca: str | None = None,
        insecure: bool = False, connect_timeout: float | None = None,
        first_event_timeout: float | None = None, idle_timeout: float | None = None,
    ) -> None:
        given = None if credentials is None else credentials._raw
        if token is not None:
            given = _raw.credentials_from_token(token)
        spec = endpoint_spec(url, model, headers, ca, insecure, connect_timeout,
                             first_event_timeout, idle_timeout)
        self._raw = _raw.endpoint_open(spec, given)

    @classmethod
    def from_raw(cls, raw: Any) -> Endpoint:
        made = cls.__new__(cls)
        made._raw = raw
        return made

    @property
    def url(self) -> str:
        """The base URL, without "/v1"."""
        return str(_raw.endpoint_url(self._raw))

    def models(self, *, timeout: float | None = None) -> list[str]:
        """The ids of the served models."""
        answer = from_json(_raw.endpoint_models(timeout, self._raw))
        return [str(model["id"]) for model in answer.get("data", [])]

    def model(self, *, timeout: float | None = None) -> str:
        """The model that requests get which name none; asks the server once."""
        return str(_raw.endpoint_model(timeout, self._raw))

    def post(self, path: str, body: Any, *, timeout: float | None = None) -> Any:
        """POSTs JSON to any path below the base URL ("/v1/embeddings"); the answer, decoded."""
        text = body if isinstance(body, str) else to_json(body)
        return from_json(_raw.endpoint_post(timeout, self._raw, path, text))

    def _request(self, what: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
        body = {**what, **{k: v for k, v in options.items() if v is not None}}
        return _raw.request_parse(to_json(body))

    def _send(self, request: Any, stream: bool, timeout: float | None) -> Reply | Stream:
        if stream:
            return Stream(self._raw, request, timeout)
        return Reply.from_raw(_raw.endpoint_send(timeout, self._raw, request))

    @overload
    def chat(
        self, messages: Messages, *, stream: Literal[False] = False, model: str | None = None,
        max_tokens: int | None = None, temperature: float | None = None,
        timeout: float | None = None, **extra: Any,
    ) -> Reply: ...

    @overload
    def chat(
        self, messages: Messages, *, stream: Literal[True], model: str | None = None,
        max_tokens: int | None = None, temperature: float | None = None,
        timeout: float | None = None, **extra: Any,
    ) -> Stream: ...

    def chat(
        self, messages: Messages, *, stream: bool = False, model: str | None = None,
        max_tokens: int | None = None, temperature: float | None = None,
        timeout: float | None = None, **extra: Any,
    ) -> Reply | Stream:
        """Sends a chat and gives the whole ``Reply``, or with ``stream=True`` a ``Stream``.

        ``messages`` is one user message or all of them; ``extra`` are further members of the
        request, sent as they are. Sent again only when no byte can have been acted on, or on 429
        and 503 with the server's Retry-After.
        """
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        elif isinstance(messages, (bytes, dict)) or not hasattr(messages, "__iter__"):
            raise TypeError("messages must be a str or a list of messages, not "
                            f"{type(messages).__name__}")
        options = {"model": model, "max_tokens": max_tokens, "temperature": temperature, **extra}
        return self._send(self._request({"messages": list(messages)}, options), stream, timeout)

    def stream_chat(self, messages: Messages, **options: Any) -> Stream:
        """``chat`` with ``stream=True``."""
        return self.chat(messages, stream=True, **options)

    @overload
    def complete(
        self, prompt: str, *, stream: Literal[False] = False, model: str | None = None,
        max_tokens: int | None = None, temperature: float | None = None,
        timeout: float | None = None, **extra: Any,
    ) -> Reply: ...

    @overload
    def complete(
        self, prompt: str, *, stream: Literal[True], model: str | None = None,
        max_tokens: int | None = None, temperature: float | None = None,
        timeout: float | None = None, **extra: Any,
    ) -> Stream: ...

    def complete(
        self, prompt: str, *, stream: bool = False, model: str | None = None,
        max_tokens: int | None = None, temperature: float | None = None,
        timeout: float | None = None, **extra: Any,
    ) -> Reply | Stream:
        """As ``chat``, for a plain completion of a prompt."""
        options = {"model": model, "max_tokens": max_tokens, "temperature": temperature, **extra}
        return self._send(self._request({"prompt": prompt}, options), stream, timeout)

    def health(self, *, timeout: float | None = None) -> Task:
        """Checks the endpoint: reachable, lists models, answers a one-token call and streams."""
        return Task(_raw.health_endpoint(self._raw), timeout)

    def close(self) -> None:
        """Drops the connections; streams made with it live on. Closing twice is fine."""
        self._raw = None

    def __enter__(self) -> Endpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<llmd.Endpoint {self.url}>" if self._raw is not None else "<llmd.Endpoint closed>"
