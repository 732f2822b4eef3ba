# SPDX-License-Identifier: Apache-2.0
"""What a cluster needs before it serves: the releases that are known, and bringing them.

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
    wanted = None if spec is None else platform_spec(spec)
    return Task(_raw.platform_fetch(wanted, os.fspath(folder)), timeout)
