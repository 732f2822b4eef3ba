# SPDX-License-Identifier: Apache-2.0
"""Where a bearer token comes from, for Google's APIs and for inference endpoints."""
from __future__ import annotations

import os

from ._source import _raw, from_json, to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class Credentials:
    """Made by one of the class methods. Secrets are wiped when freed and never printed."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    @classmethod
    def google(
        cls, path: str | os.PathLike[str] | None = None, *, timeout: float | None = None,
    ) -> Credentials:
        """Google's Application Default Credentials, in Google's search order, or the file ``path``.

        A token or file named by the environment, then the file that ``gcloud auth
        application-default login`` writes, then the metadata server; ``NotFoundError`` names every
        place that was looked at.
        """
        where = None if path is None else os.fspath(path)
        return cls(_raw.credentials_google(timeout, where))

    @classmethod
    def google_json(cls, text: str) -> Credentials:
        """The same from the text of a credentials file. It may name URLs, files and programs: only
        for texts that you trust."""
        return cls(_raw.credentials_google_json(text))

    @classmethod
    def from_command(cls, command: Sequence[str]) -> Credentials:
        """A program that prints a token, run without a shell: ``["gcloud", "auth",
        "print-access-token"]``."""
        return cls(_raw.credentials_from_command(to_json(list(command))))

    @classmethod
    def from_token(cls, token: str) -> Credentials:
        """A fixed token."""
        return cls(_raw.credentials_from_token(token))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Credentials:
        """A token in a file, read again when the file changes."""
        return cls(_raw.credentials_from_file(os.fspath(path)))

    @property
    def project(self) -> str:
        """The Google project to work in when none is named, or ""."""
        return str(_raw.credentials_project(self._raw))

    def to_dict(self) -> dict[str, Any]:
        """Kind, account, project and source, without secrets."""
        return dict(from_json(_raw.credentials_describe(self._raw)))

    def __repr__(self) -> str:
        about = self.to_dict()
        return f"<llmd.Credentials {about.get('kind', '')} {about.get('account', '')}".rstrip() + ">"
