# SPDX-License-Identifier: Apache-2.0
"""The Gateway that inference traffic comes through: ``kube.gateway``."""
from __future__ import annotations

from ._pull import Pulled
from ._source import _raw, from_json, gateway_spec
from .task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._source import SpecLike


class Gateway:
    """What the server said about a Gateway."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    @property
    def name(self) -> str:
        """Its name."""
        return str(_raw.gateway_name(self._raw))

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return str(_raw.gateway_ns(self._raw))

    @property
    def gateway_class(self) -> str:
        """Its gateway class."""
        return str(_raw.gateway_class(self._raw))

    @property
    def address(self) -> str:
        """Its first address (IP or host name), or ""."""
        return str(_raw.gateway_address(self._raw))

    @property
    def programmed(self) -> bool:
        """Whether its Programmed condition is True."""
        return bool(_raw.gateway_programmed(self._raw))

    def to_dict(self) -> dict[str, Any]:
        """The object as the server sent it."""
        return dict(from_json(_raw.gateway_json(self._raw)))

    def __repr__(self) -> str:
        state = "programmed" if self.programmed else "not programmed"
        return f"<llmd.Gateway {self.namespace}/{self.name} {state} {self.address}>"


class GatewayList(Pulled[Gateway]):
    """Iterates over Gateways."""

    _what = "list"

    def _next(self, ctx: Any) -> Gateway | None:
        raw = _raw.gateway_list_next(ctx, self._raw)
        return None if raw is None else Gateway(raw)


class Gateways:
    """The verbs of ``kube.gateway``."""

    def __init__(self, kube: Any) -> None:
        self._kube = kube

    def apply(self, spec: SpecLike, *, timeout: float | None = None) -> Task:
        """Makes the gateway match the spec and waits until it is Programmed and has an address.

        The same spec again changes nothing. A class of GKE's that is not there yet is progress;
        any other missing class ends the task with the classes that exist.
        """
        return Task(_raw.gateway_apply(self._kube, gateway_spec(spec)), timeout)

    def wait(
        self, name: str, *, namespace: str | None = None, timeout: float | None = None,
    ) -> Task:
        """Waits as ``apply`` does, for a gateway that exists or will."""
        return Task(_raw.gateway_wait(self._kube, namespace, name), timeout)

    def get(
        self, name: str, *, namespace: str | None = None, timeout: float | None = None,
    ) -> Gateway:
        """One gateway; ``NotFoundError`` when there is none."""
        return Gateway(_raw.gateway_get(timeout, self._kube, namespace, name))

    def list(
        self, *, namespace: str | None = None, timeout: float | None = None,
    ) -> GatewayList:
        """Gateways of a namespace, "*" for all."""
        return GatewayList(_raw.gateway_list_open(self._kube, namespace), timeout)

    def delete(
        self, name: str, *, namespace: str | None = None, timeout: float | None = None,
    ) -> Task:
        """Deletes it and waits until it is gone; one that does not exist is no error."""
        return Task(_raw.gateway_delete(self._kube, namespace, name), timeout)
