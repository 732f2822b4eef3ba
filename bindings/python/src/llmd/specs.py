# SPDX-License-Identifier: Apache-2.0
"""What you want: keyword dataclasses that become the YAML which docs/spec.md describes.

A field that is None is not sent: the library's default holds. ``overlay`` (an RFC 7396 merge patch)
has the last word on the object that is written.
"""
from __future__ import annotations

import difflib
import os
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from ._source import _raw, cluster_spec, from_json, gateway_spec, service_spec, to_json
from .errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

S = TypeVar("S", bound="Spec")
F = TypeVar("F", bound="FileSpec")

# Python's names for keys that are Kubernetes' style, or keywords.
_KEYS = {"gateway_class": "class"}
_NAMES = {key: name for name, key in _KEYS.items()}


def _camel(name: str) -> str:
    if name in _KEYS:
        return _KEYS[name]
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _snake(key: str) -> str:
    if key in _NAMES:
        return _NAMES[key]
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in key)


def _check(kind: type[Spec], name: str) -> None:
    """Raises for a name that is none of the fields."""
    known = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    if name not in known:
        near = difflib.get_close_matches(_snake(name), known, 1)
        raise InvalidError(f'{kind.__name__} has no field "{name}"', advice=(
            f'did you mean "{near[0]}"?' if near else f"its fields are {', '.join(known)}"))


class Spec:
    """The base of all specs. A name that is none of its fields is an ``InvalidError``, in the
    constructor and when it is set."""

    # The C spec that this one was read from, and what it said. Its secrets are only there ("***"
    # here), so it is used as long as nothing was changed.
    _loaded: tuple[Any, dict[str, Any]] | None = None

    def __new__(cls: type[S], *_args: Any, **values: Any) -> S:
        for name in values:
            _check(cls, name)
        return super().__new__(cls)

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_"):
            _check(type(self), name)
        super().__setattr__(name, value)

    def to_dict(self) -> dict[str, Any]:
        """The spec with the keys of docs/spec.md, without what is unset. Holds secrets."""
        values = ((f.name, getattr(self, f.name)) for f in fields(self))  # type: ignore[arg-type]
        return {_camel(name): _plain(value) for name, value in values if value is not None}

    def to_json(self) -> str:
        """The same as JSON text. Holds secrets."""
        return to_json(self.to_dict())

    def _raw_or_text(self) -> Any:
        now = self.to_dict()
        if self._loaded is not None and self._loaded[1] == now:
            return self._loaded[0]
        text = to_json(now)
        if '"***"' in text:
            raise InvalidError("the spec was read from a text with a secret and then changed",
                               advice="Set the secret again in Python, or change the text.")
        return text


class FileSpec(Spec):
    """The base of those that are also read from a text or a file of their own."""

    _kind: ClassVar[str]  # in the names of the raw module

    @classmethod
    def from_yaml(cls: type[F], text: str) -> F:
        """Reads YAML or JSON text; ``InvalidError`` tells key and line of what is wrong."""
        return cls._take(getattr(_raw, f"{cls._kind}_spec_parse")(text))

    @classmethod
    def from_file(cls: type[F], path: str | os.PathLike[str]) -> F:
        """As ``from_yaml``, from a file."""
        return cls._take(getattr(_raw, f"{cls._kind}_spec_parse_file")(os.fspath(path)))

    @classmethod
    def _take(cls: type[F], raw: Any) -> F:
        text = getattr(_raw, f"{cls._kind}_spec_json")(raw)
        made = cls(**{_snake(key): value for key, value in from_json(text).items()})
        made._loaded = raw, made.to_dict()
        return made


def _plain(value: Any) -> Any:
    if isinstance(value, Spec):
        return value.to_dict()
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def _hiding(spec: Spec) -> str:
    """What dataclass would print, without secrets."""
    hidden = {"hf_token", "pull_secret"}
    shown = (
        f"{f.name}={'***' if f.name in hidden else repr(getattr(spec, f.name))}"
        for f in fields(spec) if getattr(spec, f.name) is not None)  # type: ignore[arg-type]
    return f"{type(spec).__name__}({', '.join(shown)})"


@dataclass(kw_only=True)
class GatewaySpec(FileSpec):
    """The Gateway that inference traffic comes through; right by default for GKE."""

    _kind = "gateway"

    name: str
    #: None: the kubeconfig's namespace.
    namespace: str | None = None
    #: The gateway class; by default GKE's regional external one.
    gateway_class: str | None = None
    #: A reserved address (an IP, or on GKE the name of a regional static address).
    address: str | None = None
    #: An HTTPS listener on 443: {"secret": NAME, "hostname": NAME or absent}.
    tls: Mapping[str, Any] | None = None
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None
    overlay: Mapping[str, Any] | None = None

    def manifest(self) -> dict[str, Any]:
        """The objects that apply would write, as a List; nothing is sent."""
        return dict(from_json(_raw.gateway_spec_manifest(gateway_spec(self))))


@dataclass(kw_only=True)
class ServiceSpec(FileSpec):
    """A served LLM: KServe's LLMInferenceService."""

    _kind = "service"

    name: str
    #: Where the weights are: "hf://Qwen/Qwen2.5-3B-Instruct", "pvc://claim/path", "oci://...".
    model: str
    #: None: the kubeconfig's namespace.
    namespace: str | None = None
    #: The hardware: "tpu-v6e-1t", "tpu-v6e-4t", "tpu-v6e-8t", "nvidia-l4", "nvidia-h100",
    #: "nvidia-t4", "cpu", "simulator".
    preset: str | None = None
    replicas: int | None = None
    #: The name clients use in "model"; by default the model's own.
    model_name: str | None = None
    #: The server's image, where the preset's is not wanted.
    image: str | None = None
    image_pull_policy: str | None = None
    #: More arguments for the model server.
    args: Sequence[str] | None = None
    #: More environment variables for the model server.
    env: Mapping[str, str] | None = None
    max_model_len: int | None = None
    tensor_parallel: int | None = None
    download: bool | None = None
    #: The Gateway to attach to: {"name": NAME, "namespace": NAME or absent}.
    gateway: Mapping[str, str] | None = None
    #: A Hugging Face token; the library makes the Secret.
    hf_token: str | None = None
    #: A registry login: {"registry": HOST, "user": NAME, "password": SECRET}.
    pull_secret: Mapping[str, str] | None = None
    scheduler: Mapping[str, Any] | None = None
    resources: Mapping[str, Any] | None = None
    node_selector: Mapping[str, str] | None = None
    tolerations: Sequence[Mapping[str, Any]] | None = None
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None
    #: Warm-up requests that end the wait (0: none), timed apart.
    warmup: int | None = None
    tls: bool | None = None
    route: Mapping[str, Any] | None = None
    container: Mapping[str, Any] | None = None
    overlay: Mapping[str, Any] | None = None

    def __repr__(self) -> str:
        return _hiding(self)

    def manifest(self) -> dict[str, Any]:
        """The objects that apply would write on a cluster with KServe 0.20, as a List, secrets as
        "***"; nothing is sent."""
        return dict(from_json(_raw.service_spec_manifest(service_spec(self))))


@dataclass(kw_only=True)
class NodePool(Spec):
    """A node pool of a cluster: single hosts, or one slice of several."""

    #: By default that of preset or machine.
    name: str | None = None
    #: The hardware: "tpu-v6e-1t", "tpu-v6e-4t", "tpu-v6e-4x4", "nvidia-l4", "cpu", ...
    preset: str | None = None
    #: A machine type, instead of the preset's.
    machine: str | None = None
    #: GPUs of machine types that do not say theirs: {"type": "nvidia-tesla-t4", "count": 1}.
    accelerator: Mapping[str, Any] | None = None
    #: TPUs of several hosts only: "4x4".
    topology: str | None = None
    #: Nodes per zone, with autoscaling at first.
    nodes: int | None = None
    #: Autoscaling, per zone.
    min_nodes: int | None = None
    max_nodes: int | None = None
    zones: Sequence[str] | None = None
    location_policy: str | None = None
    spot: bool | None = None
    flex_start: bool | None = None
    #: How long a node lives: "2h", "90m", "1d".
    max_run_duration: str | None = None
    reservation: str | None = None
    disk_type: str | None = None
    disk_gb: int | None = None
    service_account: str | None = None
    labels: Mapping[str, str] | None = None
    #: "key=value:NoSchedule".
    taints: Sequence[str] | None = None
    max_pods_per_node: int | None = None
    version: str | None = None
    secure_boot: bool | None = None
    overlay: Mapping[str, Any] | None = None
    #: Pools with only what is different, tried in this order when there is no capacity.
    fallbacks: Sequence[NodePool | Mapping[str, Any]] | None = None


@dataclass(kw_only=True)
class ClusterSpec(FileSpec):
    """A GKE cluster and its node pools."""

    _kind = "cluster"

    name: str
    version: str | None = None
    release_channel: str | None = None
    network: str | None = None
    subnetwork: str | None = None
    #: Zones of the nodes; by default the zone of the cluster, or three of its region.
    zones: Sequence[str] | None = None
    dataplane_v2: bool | None = None
    network_policy: bool | None = None
    gateway_api: bool | None = None
    workload_identity: bool | None = None
    shielded_nodes: bool | None = None
    private_nodes: bool | None = None
    dns_endpoint: bool | None = None
    authorized_networks: Sequence[str] | None = None
    monitoring: str | None = None
    labels: Mapping[str, str] | None = None
    node_pools: Sequence[NodePool | Mapping[str, Any]] | None = None
    #: Switches on services, Gateway API and load balancing where they are off.
    enable_missing: bool | None = None
    #: Takes a cluster of this name that the library did not make.
    adopt: bool | None = None
    overlay: Mapping[str, Any] | None = None

    def manifest(self, project: str, location: str) -> dict[str, Any]:
        """The bodies that apply would send to GKE; nothing is sent."""
        return dict(from_json(_raw.cluster_spec_manifest(cluster_spec(self), project, location)))


@dataclass(kw_only=True)
class NetworkSpec(Spec):
    """What a GKE Gateway needs of the network."""

    network: str | None = None
    #: The name and range of the proxy-only subnet, where it is to be made.
    subnet: str | None = None
    range: str | None = None
    #: A static address to reserve, and its type: "external" or "internal".
    address: str | None = None
    address_type: str | None = None
    subnetwork: str | None = None
    private_nodes: bool | None = None


@dataclass(kw_only=True)
class PlatformSpec(FileSpec):
    """What a cluster needs before it serves: cert-manager, KServe and CRDs.

    A component is {"version": ...}, or {"bundle": path or address, "sha256": ...}, or
    {"manifests": text}, with "install": "auto", "always" or "never"; those with a controller also
    take "namespace" and "resources".
    """

    _kind = "platform"

    kserve: Mapping[str, Any] | None = None
    cert_manager: Mapping[str, Any] | None = None
    gateway_api: Mapping[str, Any] | None = None
    leader_worker_set: Mapping[str, Any] | None = None
    gateway_controller: Mapping[str, Any] | None = None
    #: A folder made by ``llmd.platform.fetch``: nothing is downloaded.
    bundles: str | None = None
    #: Further CA certificates, PEM.
    ca: str | None = None
    #: A registry login: {"registry": HOST, "user": NAME, "password": TOKEN}.
    pull_secret: Mapping[str, str] | None = None
    #: Takes the place of every image's registry.
    image_mirror: str | None = None
    #: How image names begin, and what comes there instead.
    image_mirrors: Mapping[str, str] | None = None
    image_pull_policy: str | None = None
    #: Images and the digests that they are pinned to.
    digests: Mapping[str, str] | None = None
    #: Merge patches for the values of KServe's ConfigMap.
    config: Mapping[str, Any] | None = None
    route_timeouts: bool | None = None
    monitors: str | None = None
    istio: Mapping[str, Any] | None = None
    #: Takes over what others installed, instead of using it as it is.
    adopt: bool | None = None
    strip_finalizers: bool | None = None

    def __repr__(self) -> str:
        return _hiding(self)
