# SPDX-License-Identifier: Apache-2.0
"""The embedded sandbox: a small process that answers as a Kubernetes cluster with KServe and as a
model endpoint, so that everything here can be tried and tested without a cloud."""
from __future__ import annotations

import os
import shutil
import tempfile
import time
from typing import TYPE_CHECKING, Any

from .errors import FailedError, NotFoundError, TimeoutError
from .kube import Kube

if TYPE_CHECKING:
    from subprocess import Popen

_STARTS_WITHIN = 20.0  # seconds; it needs a fraction of one


class Sandbox:
    """Starts ``llmd-sandbox`` on loopback; the end of ``with`` (or ``close``) stops it.

    ``profile`` is how much the cluster has: "empty" (bare Kubernetes), "gke", or "ready" (KServe
    installed). ``time_scale`` is how much faster than a real cluster it lives. Further arguments of
    the program go into ``args``.
    """

    def __init__(
        self, *, profile: str = "ready", time_scale: float | None = None,
        args: tuple[str, ...] | list[str] = (),
    ) -> None:
        self._kube: Kube | None = None
        self._folder = tempfile.mkdtemp(prefix="llmd-sandbox-")
        #: The path of a kubeconfig for it.
        self.kubeconfig = os.path.join(self._folder, "kubeconfig")
        scale = [] if time_scale is None else ["--time-scale", f"{time_scale:g}"]
        try:
            self._process: Popen[bytes] | None = self._start(
                ["--profile", profile, "--kubeconfig", self.kubeconfig, *scale, *args])
            self._wait_for_kubeconfig()
        except BaseException:
            self.close()
            raise

    def _start(self, args: list[str]) -> Popen[bytes]:
        import subprocess

        self._process = None
        self._log = open(os.path.join(self._folder, "log"), "w+b")
        return subprocess.Popen(
            [program(), *args], stdin=subprocess.DEVNULL, stdout=self._log,
            stderr=subprocess.STDOUT)

    def _wait_for_kubeconfig(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _STARTS_WITHIN
        while not (os.path.exists(self.kubeconfig) and os.path.getsize(self.kubeconfig)):
            if self._process.poll() is not None:
                raise FailedError(f"llmd-sandbox ended with {self._process.returncode}: {self.log}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"llmd-sandbox did not start in {_STARTS_WITHIN:g} s: {self.log}")
            time.sleep(0.005)

    @property
    def log(self) -> str:
        """What it printed so far."""
        with open(self._log.name, encoding="utf-8", errors="replace") as file:
            return file.read().strip()

    @property
    def kube(self) -> Kube:
        """A connection to it."""
        if self._kube is None:
            self._kube = Kube(self.kubeconfig)
        return self._kube

    @property
    def url(self) -> str:
        """The URL of its Kubernetes API."""
        return self.kube.server

    def close(self) -> None:
        """Stops it; closing twice is fine."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait()
        self._kube = None
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        process = self.__dict__.get("_process")
        if process is not None:
            process.kill()

    def __repr__(self) -> str:
        return f"<llmd.Sandbox {'stopped' if self._process is None else self.kubeconfig}>"


def program() -> str:
    """The path of llmd-sandbox: $LLMD_SANDBOX, the one that came with this package, or $PATH's."""
    inside = os.path.join(os.path.dirname(__file__), "bin", "llmd-sandbox")
    places: list[Any] = [os.environ.get("LLMD_SANDBOX"), inside, shutil.which("llmd-sandbox")]
    for path in places:
        if path and os.access(path, os.X_OK):
            return str(path)
    raise NotFoundError("llmd-sandbox was not found",
                        advice="Install libllmd's tools, or set LLMD_SANDBOX to the program.")
