# SPDX-License-Identifier: Apache-2.0
"""A served LLM, made, watched and explained: ``kube.service``."""
from __future__ import annotations

from ._pull import Pulled
from ._source import _raw, from_json, service_spec
from .inference import Endpoint, endpoint_spec
from .task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ._source import SpecLike


class Service:
    """What the server said about an LLMInferenceService."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    @property
    def name(self) -> str:
        """Its name."""
        return str(_raw.service_name(self._raw))

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return str(_raw.service_ns(self._raw))

    @property
    def model(self) -> str:
        """The name clients use in "model", or ""."""
        return str(_raw.service_model(self._raw))

    @property
    def url(self) -> str:
        """Its URL, or "" while there is none."""
        return str(_raw.service_url(self._raw))

    @property
    def ready(self) -> bool:
        """Whether its Ready condition is True for the newest generation."""
        return bool(_raw.service_ready(self._raw))

    @property
    def replicas(self) -> int:
        """How many replicas it wants."""
        return int(_raw.service_replicas(self._raw))

    def to_dict(self) -> dict[str, Any]:
        """The object as the server sent it."""
        return dict(from_json(_raw.service_json(self._raw)))

    def __repr__(self) -> str:
        state = "ready" if self.ready else "not ready"
        return f"<llmd.Service {self.namespace}/{self.name} {state} {self.url}>"


class ServiceList(Pulled[Service]):
    """Iterates over services."""

    _what = "list"

    def _next(self, ctx: Any) -> Service | None:
        raw = _raw.service_list_next(ctx, self._raw)
        return None if raw is None else Service(raw)


class Services:
    """The verbs of ``kube.service``."""

    def __init__(self, kube: Any) -> None:
        self._kube = kube

    def apply(self, spec: SpecLike, *, timeout: float | None = None) -> Task:
        """Makes the service match the spec and waits until it serves, as ``wait`` does.

        Looks first (which KServe, which API version, which policies the cluster knows), then
        writes by server-side apply. The same spec again changes nothing.
        """
        return Task(_raw.service_apply(self._kube, service_spec(spec)), timeout)

    def wait(
        self, name: str, *, namespace: str | None = None, timeout: float | None = None,
    ) -> Task:
        """Waits until the service serves, telling progress by phase and each problem at once, with
        cause and advice. ``FailedError`` comes only when nothing that runs can cure it; its reason
        is the finding's code, such as "ImageNotFound"."""
        return Task(_raw.service_wait(self._kube, namespace, name), timeout)

    def get(
        self, name: str, *, namespace: str | None = None, timeout: float | None = None,
    ) -> Service:
        """One service; ``NotFoundError`` when there is none."""
        return Service(_raw.service_get(timeout, self._kube, namespace, name))

    def list(
        self, *, namespace: str | None = None, timeout: float | None = None,
    ) -> ServiceList:
        """Services of a namespace, "*" for all."""
        return ServiceList(_raw.service_list_open(self._kube, namespace), timeout)

    def delete(
        self, name: str, *, namespace: str | None = None, timeout: float | None = None,
    ) -> Task:
        """Deletes it and what the library made for it, and waits until it is gone."""
        return Task(_raw.service_delete(self._kube, namespace, name), timeout)

    def connect(
        self, name: str, *, namespace: str | None = None, timeout: float | None = None,
        url: str | None = None, model: str | None = None,
        headers: Mapping[str, str] | None = None, ca: str | None = None, insecure: bool = False,
        connect_timeout: float | None = None, first_event_timeout: float | None = None,
        idle_timeout: float | None = None,
    ) -> Endpoint:
        """An endpoint for the service: the URL from its status or from Gateway and route, the
        model's id from the server. The other arguments are those of ``llmd.Endpoint``."""
        spec = endpoint_spec(url, model, headers, ca, insecure, connect_timeout,
                             first_event_timeout, idle_timeout)
        return Endpoint.from_raw(
            _raw.service_connect(timeout, self._kube, namespace, name, spec))
