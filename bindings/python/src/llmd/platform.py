# SPDX-License-Identifier: Apache-2.0
"""What a cluster needs before it serves: ``kube.platform``, the releases that are known, and
bringing them for a machine without internet.

    spec = llmd.PlatformSpec(kserve={"version": "0.20.0"}, image_pull_policy="IfNotPresent")
    for event in llmd.platform.fetch(spec, "bundles"):     # for a machine without internet
        print(event)
    spec.bundles = "bundles"                               # there: nothing is downloaded
"""
from __future__ import annotations

import os

from ._source import _raw, from_json, platform_spec
from .task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._source import SpecLike


def bundles() -> list[dict[str, Any]]:
    """The known releases: component, version, ``proven`` ("rig": on a real cluster) and files, each
    with url and sha256. The environment's LLMD_BUNDLES names a file that adds to them."""
    return list(from_json(_raw.platform_bundles()))


def fetch(
    spec: SpecLike | None, folder: str | os.PathLike[str], *, timeout: float | None = None,
) -> Task:
    """Brings the bundles of a spec into a folder, each held against its sha256; None brings the
    newest proven ones. A download that was cut goes on where it stopped."""
    return Task(_raw.platform_fetch(_given(spec), os.fspath(folder)), timeout)


class Platforms:
    """The verbs of ``kube.platform``. Without a spec: the newest proven releases."""

    def __init__(self, kube: Any) -> None:
        self._kube = kube

    def apply(self, spec: SpecLike | None = None, *, timeout: float | None = None) -> Task:
        """Installs, completes, repairs or upgrades cert-manager, KServe and the CRDs that they
        need, and waits until webhooks answer and controllers are available.

        Run again it changes nothing. What others installed and serves is used as it is, unless the
        spec says ``adopt``. The result is as ``status``'s.
        """
        return Task(_raw.platform_apply(self._kube, _given(spec)), timeout)

    def status(self, spec: SpecLike | None = None, *, timeout: float | None = None) -> Task:
        """What is installed, by whom, which version, and whether it works; reads only.

        One event a component, ``worst`` is the verdict.
        """
        return Task(_raw.platform_status(self._kube, _given(spec)), timeout)

    def delete(self, spec: SpecLike | None = None, *, timeout: float | None = None) -> Task:
        """Removes what the library installed and proves that nothing of it is left.

        ``ConflictError`` with the list while services or other objects of its kinds exist.
        """
        return Task(_raw.platform_delete(self._kube, _given(spec)), timeout)


def _given(spec: SpecLike | None) -> Any:
    return None if spec is None else platform_spec(spec)
