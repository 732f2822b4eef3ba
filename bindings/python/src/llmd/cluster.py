# SPDX-License-Identifier: Apache-2.0
"""GKE clusters with TPU or GPU nodes, without gcloud, kubectl or a plugin.

    gke = llmd.Gke("europe-west4-a")                       # Application Default Credentials
    for check in gke.cluster.preflight(spec):              # before a cent is spent
        print(check)
    for event in gke.cluster.apply(spec, timeout=7200):
        print(event)
    kube = gke.cluster.connect("llm")
"""
from __future__ import annotations

from ._pull import Pulled
from ._source import _raw, cluster_spec, from_json, network_spec, to_json
from .credentials import Credentials
from .kube import Kube
from .task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ._source import SpecLike


class Cluster:
    """What GKE said about a cluster."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    @property
    def name(self) -> str:
        """Its name."""
        return str(_raw.cluster_name(self._raw))

    @property
    def location(self) -> str:
        """Its zone or region."""
        return str(_raw.cluster_location(self._raw))

    @property
    def status(self) -> str:
        """"PROVISIONING", "RUNNING", "RECONCILING", "STOPPING", "ERROR", "DEGRADED", ..."""
        return str(_raw.cluster_status(self._raw))

    @property
    def version(self) -> str:
        """The control plane's Kubernetes version."""
        return str(_raw.cluster_version(self._raw))

    @property
    def endpoint(self) -> str:
        """The control plane's address, or ""."""
        return str(_raw.cluster_endpoint(self._raw))

    def to_dict(self) -> dict[str, Any]:
        """The cluster as GKE sent it, with its nodePools."""
        return dict(from_json(_raw.cluster_json(self._raw)))

    def __repr__(self) -> str:
        return f"<llmd.Cluster {self.location}/{self.name} {self.status}>"


class ClusterList(Pulled[Cluster]):
    """Iterates over clusters. Zones that did not answer are an error at the end."""

    _what = "list"

    def _next(self, ctx: Any) -> Cluster | None:
        raw = _raw.cluster_list_next(ctx, self._raw)
        return None if raw is None else Cluster(raw)


class Clusters:
    """The verbs of ``gke.cluster``."""

    def __init__(self, gke: Any) -> None:
        self._gke = gke

    def preflight(self, spec: SpecLike | None = None, *, timeout: float | None = None) -> Task:
        """Looks whether the cluster can be had: rights, services, policies, quotas, machines,
        network. Reads only; each check is an event, ``task.worst`` is the verdict. Without a spec
        a look at the place: quotas in use, addresses, forwarding rules. Where Google, or whoever
        gives the token, cannot be reached it fails with ``UnreachableError``."""
        wanted = None if spec is None else cluster_spec(spec)
        return Task(_raw.cluster_preflight(self._gke, wanted), timeout)

    def cost(
        self, spec: SpecLike | None = None, *, prices: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """What a spec would cost per hour and day by Google's catalogue of now, or by your
        ``prices``; without a spec what exists costs, and has cost since it was made. A reckoning,
        not a bill."""
        wanted = None if spec is None else cluster_spec(spec)
        given = None if prices is None else to_json(dict(prices))
        return dict(from_json(_raw.cluster_cost(timeout, self._gke, wanted, given)))

    def recommend(self, model: str | None = None, *, timeout: float | None = None) -> Any:
        """What GKE's inference quickstart has measured for a model; without one, the models that
        it knows. ``NotFoundError`` where it has nothing; its advice names the models."""
        return from_json(_raw.cluster_recommend(timeout, self._gke, model))

    def apply(self, spec: SpecLike, *, timeout: float | None = None) -> Task:
        """Makes the cluster and its node pools match the spec and waits until they serve. Adopts
        what is there and goes on where another process stopped. A stock-out is told within two
        minutes, and the pool's fall-backs are tried in their order, the next one as soon as GKE
        lets go of the pool. The event of phase "serving" says that the control plane serves:
        ``connect`` works from then on, while the node pools are made. No cluster is made for a pool
        whose machine type is not there, nor those of its fall-backs: ``InvalidError`` names those
        that are."""
        return Task(_raw.cluster_apply(self._gke, cluster_spec(spec)), timeout)

    def wait(self, name: str, *, timeout: float | None = None) -> Task:
        """Follows a cluster until it is RUNNING and has no operation under way."""
        return Task(_raw.cluster_wait(self._gke, name), timeout)

    def get(self, name: str, *, timeout: float | None = None) -> Cluster:
        """One cluster; ``NotFoundError`` when there is none."""
        return Cluster(_raw.cluster_get(timeout, self._gke, name))

    def list(self, *, timeout: float | None = None) -> ClusterList:
        """Clusters of the project, all locations."""
        return ClusterList(_raw.cluster_list_open(self._gke), timeout)

    def delete(self, name: str, *, drain: bool = False, timeout: float | None = None) -> Task:
        """Deletes a cluster and proves that nothing billable is left. ``drain`` first deletes what
        holds load balancers in it (LLMInferenceServices, Gateways, Ingresses, Services of type
        LoadBalancer); without it, their existence refuses the delete."""
        return Task(_raw.cluster_delete(self._gke, name, drain), timeout)

    def connect(self, name: str, *, timeout: float | None = None) -> Kube:
        """The cluster's Kubernetes, with the same credentials, refreshed as they age."""
        return Kube._of(_raw.cluster_connect(timeout, self._gke, name))


class NodePools:
    """The verbs of ``gke.node_pool``."""

    def __init__(self, gke: Any) -> None:
        self._gke = gke

    def apply(self, cluster: str, pool: SpecLike, *, timeout: float | None = None) -> Task:
        """Makes one node pool match: makes it, or changes size, autoscaling and version."""
        return Task(_raw.node_pool_apply(self._gke, cluster, _pool_text(pool)), timeout)

    def delete(self, cluster: str, pool: str, *, timeout: float | None = None) -> Task:
        """Deletes a node pool and waits; one that is gone is no error."""
        return Task(_raw.node_pool_delete(self._gke, cluster, pool), timeout)

    def wait(self, cluster: str, pool: str, *, timeout: float | None = None) -> Task:
        """Follows a node pool until it is RUNNING, or RUNNING_WITH_ERROR, and has no operation
        under way."""
        return Task(_raw.node_pool_wait(self._gke, cluster, pool), timeout)

    def get(self, cluster: str, pool: str, *, timeout: float | None = None) -> dict[str, Any]:
        """One node pool as GKE sends it; ``NotFoundError`` when there is none."""
        return dict(from_json(_raw.node_pool_get(timeout, self._gke, cluster, pool)))

    def list(self, cluster: str, *, timeout: float | None = None) -> list[dict[str, Any]]:
        """The node pools of a cluster as GKE sends them."""
        return list(from_json(_raw.node_pool_list(timeout, self._gke, cluster)))


class Networks:
    """The verbs of ``gke.network``."""

    def __init__(self, gke: Any) -> None:
        self._gke = gke

    def apply(self, spec: SpecLike, *, timeout: float | None = None) -> Task:
        """What regional Gateway classes need: a proxy-only subnet, found or made in a free range,
        and the static address that the spec names."""
        return Task(_raw.network_apply(self._gke, network_spec(spec)), timeout)

    def delete(self, spec: SpecLike, *, timeout: float | None = None) -> Task:
        """Removes the subnet and address if libllmd made them and nothing uses them."""
        return Task(_raw.network_delete(self._gke, network_spec(spec)), timeout)

    def health(
        self, kube: Kube, service: str, *, namespace: str | None = None,
        timeout: float | None = None,
    ) -> Task:
        """Whether the load balancer of a service's Gateways can reach its pods, as Compute Engine
        sees it; one event a finding, ``worst`` is the verdict. A HealthCheckPolicy of libllmd that
        GKE does not follow for 90 s (it asks for another path) is deleted and made anew, once: unlike
        the other ``health`` verbs this one may write. If making it anew fails, the error names the
        policy that is gone, and ``service.apply`` makes it again."""
        return Task(_raw.network_health(self._gke, kube._raw, namespace, service), timeout)


class Gke:
    """A project and location of Google Cloud; opening sends nothing.

    ``location`` is a zone ("europe-west4-a") or a region ("europe-west4"). Without credentials,
    Google's Application Default Credentials; without a project, theirs or
    ``$GOOGLE_CLOUD_PROJECT``.
    """

    def __init__(
        self, location: str, *, project: str | None = None,
        credentials: Credentials | None = None,
    ) -> None:
        if credentials is None:
            credentials = Credentials.google()
        self._raw = _raw.gke_open(credentials._raw, project, location)
        #: Clusters.
        self.cluster = Clusters(self._raw)
        #: Node pools of a cluster.
        self.node_pool = NodePools(self._raw)
        #: The network of a Gateway.
        self.network = Networks(self._raw)

    @property
    def project(self) -> str:
        """The project's id."""
        return str(_raw.gke_project(self._raw))

    @property
    def location(self) -> str:
        """The zone or region."""
        return str(_raw.gke_location(self._raw))

    def __repr__(self) -> str:
        return f"<llmd.Gke {self.project} {self.location}>"


def _pool_text(pool: Any) -> str:
    if isinstance(pool, str):
        return pool
    to_dict = getattr(pool, "to_dict", None)
    return to_json(to_dict() if to_dict else dict(pool))
