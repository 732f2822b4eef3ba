# SPDX-License-Identifier: Apache-2.0
"""A connection to a Kubernetes API server, by client-go's rules, and what people do with kubectl.

A resource is one string, as kubectl takes it: "pods", "deploy", "gateways.gateway.networking.k8s.io".
Without ``namespace=`` the kubeconfig's is used; "*" in list and watch means all.
"""
from __future__ import annotations

import os

from ._pull import Pulled
from ._source import _raw, from_json, manifest_text, to_json
from .gateway import Gateways
from .platform import Platforms
from .service import Services
from .task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._source import Manifests

_CHANGES = {1: "ADDED", 2: "MODIFIED", 3: "DELETED", 4: "SYNCED"}


class Objects(Pulled["dict[str, Any]"]):
    """A list; pages are fetched as they are needed."""

    _what = "list"

    def _next(self, ctx: Any) -> dict[str, Any] | None:
        text = _raw.kube_list_next(ctx, self._raw)
        return None if text is None else from_json(text)


class Change:
    """One change that a watch saw."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    @property
    def type(self) -> str:
        """"ADDED", "MODIFIED", "DELETED", or "SYNCED" once, when all that existed has been told."""
        number = int(_raw.kube_change_type(self._raw))
        return _CHANGES.get(number, str(number))

    @property
    def namespace(self) -> str:
        """The object's namespace, or ""."""
        return str(_raw.kube_change_ns(self._raw))

    @property
    def name(self) -> str:
        """The object's name, or ""."""
        return str(_raw.kube_change_name(self._raw))

    @property
    def object(self) -> dict[str, Any] | None:
        """The object; None for SYNCED."""
        text = _raw.kube_change_json(self._raw)
        return from_json(text) if text else None

    def __repr__(self) -> str:
        place = f"{self.namespace}/" if self.namespace else ""
        return f"<llmd.Change {self.type} {place}{self.name}>"


class Watch(Pulled[Change]):
    """A watch that never loses a change and has no end."""

    _what = "watch"

    def _next(self, ctx: Any) -> Change | None:
        raw = _raw.kube_watch_next(ctx, self._raw)
        return None if raw is None else Change(raw)


class Logs(Pulled[str]):
    """The lines of a container's log."""

    _what = "log"

    def _next(self, ctx: Any) -> str | None:
        line: str | None = _raw.kube_logs_next(ctx, self._raw)
        return line


class Kube:
    """A cluster, by a kubeconfig; opening touches files, not the network.

    Without arguments: the files of ``$KUBECONFIG``, else ``~/.kube/config``, else the service
    account of the pod we run in. Any thread may use it; tasks and iterators outlive it.
    """

    def __init__(
        self, kubeconfig: str | os.PathLike[str] | None = None, *, context: str | None = None,
    ) -> None:
        path = None if kubeconfig is None else os.fspath(kubeconfig)
        self._take(_raw.kube_open(path, context))

    @classmethod
    def from_text(cls, kubeconfig: str, *, context: str | None = None) -> Kube:
        """A cluster by the text of a kubeconfig."""
        return cls._of(_raw.kube_open_text(kubeconfig, context))

    @classmethod
    def _of(cls, raw: Any) -> Kube:
        made = cls.__new__(cls)
        made._take(raw)
        return made

    def _take(self, raw: Any) -> None:
        self._raw = raw
        #: What this cluster needs before it serves.
        self.platform = Platforms(raw)
        #: Gateways of this cluster.
        self.gateway = Gateways(raw)
        #: LLMInferenceServices of this cluster.
        self.service = Services(raw)

    @property
    def server(self) -> str:
        """The server's URL."""
        return str(_raw.kube_server(self._raw))

    @property
    def namespace(self) -> str:
        """The namespace used where none is given."""
        return str(_raw.kube_namespace(self._raw))

    @property
    def context(self) -> str:
        """The name of the kubeconfig's context in use, or ""."""
        return str(_raw.kube_context(self._raw))

    def version(self, *, timeout: float | None = None) -> dict[str, Any]:
        """The API server's version document."""
        return dict(from_json(_raw.kube_version(timeout, self._raw)))

    def apply(
        self, manifests: Manifests, *, force: bool = False, namespace: str | None = None,
        dry_run: bool = False, timeout: float | None = None,
    ) -> Task:
        """Makes the cluster hold these objects, by server-side apply as "libllmd".

        Namespaces first, then CRDs until Established, then the rest side by side. Applying the
        same text again changes nothing. One event per object, with the reason "created",
        "configured" or "unchanged". ``force`` takes over fields that others own.
        """
        how = {"force": force, "dryRun": dry_run, "namespace": namespace}
        spec = _raw.apply_spec_parse(to_json({k: v for k, v in how.items() if v is not None}))
        return Task(_raw.kube_apply(self._raw, manifest_text(manifests), spec), timeout)

    def get(
        self, resource: str, name: str, *, namespace: str | None = None,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """One object; ``NotFoundError`` when there is none."""
        return dict(from_json(_raw.kube_get(timeout, self._raw, resource, namespace, name)))

    def list(
        self, resource: str, *, namespace: str | None = None, labels: str | None = None,
        fields: str | None = None, timeout: float | None = None,
    ) -> Objects:
        """Iterates over objects; selectors are written as for kubectl."""
        raw = _raw.kube_list_open(self._raw, resource, namespace, labels, fields)
        return Objects(raw, timeout)

    def watch(
        self, resource: str, *, namespace: str | None = None, labels: str | None = None,
        fields: str | None = None, timeout: float | None = None,
    ) -> Watch:
        """Iterates over changes without an end: what exists as ADDED, one SYNCED, then each
        change. Cut connections and 410 Gone are bridged."""
        raw = _raw.kube_watch_open(self._raw, resource, namespace, labels, fields)
        return Watch(raw, timeout)

    def wait(
        self, resource: str, name: str, condition: str, *, namespace: str | None = None,
        timeout: float | None = None,
    ) -> Task:
        """Waits until an object is as wanted: "condition=Ready", "create", "delete",
        "jsonpath={.status.phase}=Running"."""
        raw = _raw.kube_wait(self._raw, resource, namespace, name, condition)
        return Task(raw, timeout)

    def delete(
        self, resource: str, name: str, *, namespace: str | None = None,
        timeout: float | None = None,
    ) -> Task:
        """Deletes an object and waits until it is gone; one that does not exist is no error."""
        return Task(_raw.kube_delete(self._raw, resource, namespace, name), timeout)

    def logs(
        self, pod: str, *, container: str | None = None, namespace: str | None = None,
        follow: bool = False, previous: bool = False, tail_lines: int | None = None,
        timeout: float | None = None,
    ) -> Logs:
        """Iterates over the lines of a container's log."""
        tail = -1 if tail_lines is None else tail_lines
        raw = _raw.kube_logs_open(self._raw, namespace, pod, container, follow, previous, tail)
        return Logs(raw, timeout)

    def proxy_get(
        self, target: str, path: str = "/", *, namespace: str | None = None,
        timeout: float | None = None,
    ) -> str:
        """GETs a path of "services/NAME:PORT" or "pods/NAME:PORT" through the API server."""
        return str(_raw.kube_proxy_get(timeout, self._raw, namespace, target, path))

    def health(
        self, service: str, *, namespace: str | None = None, timeout: float | None = None,
    ) -> Task:
        """Checks a service from outside in; one event a check, ``worst`` is the verdict."""
        return Task(_raw.health_service(self._raw, namespace, service), timeout)

    def close(self) -> None:
        """Drops the connection; closing twice is fine."""
        self._raw = None
        self.platform = Platforms(None)
        self.gateway = Gateways(None)
        self.service = Services(None)

    def __enter__(self) -> Kube:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<llmd.Kube {self.server}>" if self._raw is not None else "<llmd.Kube closed>"
