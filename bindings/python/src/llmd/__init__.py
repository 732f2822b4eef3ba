# SPDX-License-Identifier: Apache-2.0
"""From nothing to LLM tokens on Kubernetes.

    import llmd

    kube = llmd.Kube()                                # or: with llmd.Sandbox() as sb: kube = sb.kube
    spec = llmd.ServiceSpec(name="qwen", model="hf://Qwen/Qwen2.5-3B-Instruct")
    for event in kube.service.apply(spec, timeout=3600):
        print(event)
    endpoint = kube.service.connect("qwen")
    for delta in endpoint.chat("Hello!", stream=True):
        print(delta.text, end="", flush=True)

Every call that waits takes ``timeout=`` in seconds, total; None waits as long as it takes. Ctrl-C
ends any wait. Errors are ``llmd.Error`` with the reason and advice in them.
"""
from __future__ import annotations

from . import _raw as _raw
from . import platform
from .errors import (
    BusyError, CanceledError, ConflictError, DeniedError, Error, ExistsError, FailedError,
    InvalidError, NotFoundError, ProtocolError, RemoteError, SystemError, TimeoutError,
    TooLargeError, UnreachableError,
)
from .gateway import Gateway
from .inference import Delta, Endpoint, Reply, Stream
from .kube import Change, Kube
from .service import Service
from .task import Event, Level, Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._progress import progress
    from ._sandbox import Sandbox
    from .cluster import Cluster, Gke
    from .credentials import Credentials
    from .specs import (
        ClusterSpec, GatewaySpec, NetworkSpec, NodePool, PlatformSpec, ServiceSpec,
    )

__version__ = "0.1.0"

__all__ = [
    "BusyError", "CanceledError", "Change", "Cluster", "ClusterSpec", "ConflictError",
    "Credentials", "Delta", "DeniedError", "Endpoint", "Error", "Event", "ExistsError",
    "FailedError", "Gateway", "GatewaySpec", "Gke", "InvalidError", "Kube", "Level", "NetworkSpec",
    "NodePool", "NotFoundError", "PlatformSpec", "ProtocolError", "RemoteError", "Reply", "Sandbox",
    "Service", "ServiceSpec", "Stream", "SystemError", "Task", "TimeoutError", "TooLargeError",
    "UnreachableError", "platform", "progress", "version",
]


def version() -> str:
    """The version of the C library that runs."""
    return str(_raw.version())


_ELSEWHERE = {
    "Sandbox": "_sandbox", "progress": "_progress", "Cluster": "cluster", "Gke": "cluster",
    "Credentials": "credentials", "ClusterSpec": "specs", "GatewaySpec": "specs",
    "NetworkSpec": "specs", "NodePool": "specs", "PlatformSpec": "specs",
    "ServiceSpec": "specs",
}


def __getattr__(name: str) -> Any:
    # What not every program needs is imported when it is used.
    if name not in _ELSEWHERE:
        raise AttributeError(f"module 'llmd' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{_ELSEWHERE[name]}", __name__), name)
    globals()[name] = value
    return value
