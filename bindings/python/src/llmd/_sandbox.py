# SPDX-License-Identifier: Apache-2.0
"""The embedded sandbox: a small process that answers as a Kubernetes cluster with KServe and as a
model endpoint, so that everything here can be tried and tested without a cloud."""
from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import threading
from typing import TYPE_CHECKING, Any

from .cluster import Gke
from .credentials import Credentials
from .errors import FailedError, InvalidError, NotFoundError
from .kube import Kube

if TYPE_CHECKING:
    from subprocess import Popen

_LOCK = threading.Lock()


class Sandbox:
    """Starts ``llmd-sandbox`` on loopback; the end of ``with`` (or ``close``) stops it, and so does
    the end of this process, however it comes. Dropping the last reference does not.

    ``profile`` is how much the cluster has: "empty" (built-in kinds only), "ready" (Gateway API and
    KServe), or "gke" (as ready, with GKE's classes and kinds). ``time_scale`` is how many real
    seconds one second of the cluster takes (0.02 by default; 1 is real time). ``google`` also
    answers as Google's APIs, see ``gke``. Further arguments of the program go into ``args``.
    """

    def __init__(
        self, *, profile: str = "ready", time_scale: float | None = None, google: bool = False,
        args: tuple[str, ...] | list[str] = (),
    ) -> None:
        self._owner = os.getpid()
        self._kube: Kube | None = None
        self._process: Popen[bytes] | None = None
        self._folder = tempfile.mkdtemp(prefix="llmd-sandbox-")
        self._log = open(os.path.join(self._folder, "log"), "wb")
        #: The path of a kubeconfig for it.
        self.kubeconfig = os.path.join(self._folder, "kubeconfig")
        #: The path of Google credentials for it, with ``google``.
        self.credentials = os.path.join(self._folder, "credentials.json") if google else ""
        more = [] if time_scale is None else ["--time-scale", f"{time_scale:g}"]
        if google:
            more += ["--google", "--google-credentials", self.credentials]
        try:
            self._start([program(), "--profile", profile, "--kubeconfig", self.kubeconfig,
                         "--stdin-lifeline", *more, *args])
        except BaseException:
            self.close()
            raise
        # What it gave (a Kube, a task of that, its kubeconfig) must find it alive, and does not
        # hold it.
        atexit.register(self.close)

    def _start(self, command: list[str]) -> None:
        import subprocess

        # A session of its own: Ctrl-C in a terminal is for us, not for it.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log,
            start_new_session=True)
        assert self._process.stdout is not None
        if not self._process.stdout.readline():  # one line says that it listens
            raise FailedError(f"llmd-sandbox ended with {self._process.wait()}: {self.log}")

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

    def gke(self, location: str = "europe-west4-a", *, project: str = "my-project") -> Gke:
        """Google Cloud as the sandbox has it (``google=True``): clusters made there are the
        sandbox's own."""
        if not self.credentials:
            raise InvalidError("this sandbox does not answer as Google",
                               advice="Start it with llmd.Sandbox(google=True).")
        # The library looks when it opens a handle.
        with _LOCK:
            before = os.environ.get("LLMD_GOOGLE_URL")
            os.environ["LLMD_GOOGLE_URL"] = self.url
            try:
                return Gke(location, project=project,
                           credentials=Credentials.google(self.credentials))
            finally:
                if before is None:
                    del os.environ["LLMD_GOOGLE_URL"]
                else:
                    os.environ["LLMD_GOOGLE_URL"] = before

    @property
    def url(self) -> str:
        """The URL of its Kubernetes API."""
        return self.kube.server

    def close(self) -> None:
        """Stops it; closing twice is fine, and in a forked child it goes on for the parent."""
        if os.getpid() != self._owner:
            return
        atexit.unregister(self.close)
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.communicate()
        self._kube = None
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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
