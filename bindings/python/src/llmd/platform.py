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
    """The known releases: component, version, ``proven`` ("rig": on a real cluster, "sandbox": only
    there) and files, each with url and sha256; "unknown" wants the spec's own ``sha256``. Some have
    a ``profile`` (Open Data Hub's) or a ``note`` on what is not certain. The environment's
    LLMD_BUNDLES names a file that adds to them."""
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

        An upgrade of KServe keeps the running endpoint pickers of services until their successors
        are ready: it relabels their pods (event ``PickerKept``), then deletes them
        (``PickerReplaced``). There is no end of its own while a controller, or a new picker, starts
        and does not become ready: give a ``timeout``, whose error says what was waited for.

        ``InvalidError`` with reason ``DigestUnknown`` wants a bundle's ``sha256`` in the spec;
        ``ConflictError`` has ``HalfInstalled``, ``VersionNotServed``, ``OtherProfile``,
        ``IstioTooOld`` or ``WebhookLeftOver``, or ``Conflict`` for fields of another manager.
        """
        return Task(_raw.platform_apply(self._kube, _given(spec)), timeout)

    def status(self, spec: SpecLike | None = None, *, timeout: float | None = None) -> Task:
        """What is installed, by whom, which version, whether it works, and what differs from its
        bundle; reads only.

        One event a component (``Ready``, ``OtherVersion``, ``Missing``, ``NotAvailable``), and one
        with reason ``Differs`` for each that differs from its bundle; ``worst`` is the verdict. The
        result's ``components[key]["differs"]`` lists ``object`` and ``field``; without it the
        component was not compared, as what others installed is not unless the spec names its version
        or bundle, or says ``adopt``.
        """
        return Task(_raw.platform_status(self._kube, _given(spec)), timeout)

    def delete(self, spec: SpecLike | None = None, *, timeout: float | None = None) -> Task:
        """Removes what the library installed and proves that nothing of it is left.

        ``ConflictError`` with the list while services or other objects of its kinds exist. The
        result's ``left`` lists ``subject`` and ``why`` of what stays: namespaces that hold what is
        not ours, and what others installed.
        """
        return Task(_raw.platform_delete(self._kube, _given(spec)), timeout)


def _given(spec: SpecLike | None) -> Any:
    return None if spec is None else platform_spec(spec)
