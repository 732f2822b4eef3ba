# SPDX-License-Identifier: Apache-2.0
"""JSON for the C library, and what may stand where a spec or manifest is wanted.

`import llmd` must stay cheap, so json (which brings re), typing and dataclasses are imported by what
needs them, when it is used.
"""
from __future__ import annotations

import os

from . import _raw as _raw

TYPE_CHECKING = False  # typing.TYPE_CHECKING without typing
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, Union

    from .specs import Spec

    #: A spec, a mapping with the keys of docs/spec.md, YAML or JSON text, or the path of such a
    #: file (a path object, or text that ends with .yaml, .yml or .json).
    SpecLike = Union[Spec, Mapping[str, Any], str, os.PathLike[str]]
    #: YAML or JSON text, an object, several objects, or the path of a file, as for SpecLike.
    Manifests = Union[str, os.PathLike[str], Mapping[str, Any], Iterable[Mapping[str, Any]]]


def to_json(value: object) -> str:
    """JSON that the C library takes: NaN is refused here, with Python's own words."""
    from json import dumps

    return dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def from_json(text: str) -> Any:
    from json import loads

    return loads(text)


def is_path(source: object) -> bool:
    """Whether text or a path object names a file rather than being the content itself."""
    if isinstance(source, os.PathLike):
        return True
    return (isinstance(source, str) and "\n" not in source
            and source.endswith((".yaml", ".yml", ".json")))


def _spec(source: SpecLike, parse: Callable[[str], Any], parse_file: Callable[[str], Any]) -> Any:
    if is_path(source):
        return parse_file(os.fspath(source))  # type: ignore[arg-type]
    if isinstance(source, str):
        return parse(source)
    given = getattr(source, "_raw_or_text", None)
    if given is None:
        return parse(to_json(source))
    made = given()
    return parse(made) if isinstance(made, str) else made


def gateway_spec(source: SpecLike) -> Any:
    """The raw spec of anything that SpecLike allows."""
    return _spec(source, _raw.gateway_spec_parse, _raw.gateway_spec_parse_file)


def service_spec(source: SpecLike) -> Any:
    """The raw spec of anything that SpecLike allows."""
    return _spec(source, _raw.service_spec_parse, _raw.service_spec_parse_file)


def cluster_spec(source: SpecLike) -> Any:
    """The raw spec of anything that SpecLike allows."""
    return _spec(source, _raw.cluster_spec_parse, _raw.cluster_spec_parse_file)


def network_spec(source: SpecLike) -> Any:
    """The raw spec of anything that SpecLike allows."""
    return _spec(source, _raw.network_spec_parse, _raw.network_spec_parse_file)


def platform_spec(source: SpecLike) -> Any:
    """The raw spec of anything that SpecLike allows."""
    return _spec(source, _raw.platform_spec_parse, _raw.platform_spec_parse_file)


def _read(path: str) -> str:
    """The text of a file; what is wrong with it is said as the C library says it of specs."""
    from .errors import NotFoundError, SystemError

    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        kind = NotFoundError if isinstance(error, FileNotFoundError) else SystemError
        raise kind(f"{path}: {error.strerror}", advice="check the path and its rights; a relative "
                   "one begins in the working directory") from error


def manifest_text(manifests: Manifests) -> str:
    if is_path(manifests):
        return _read(os.fspath(manifests))  # type: ignore[arg-type]
    if isinstance(manifests, str):
        return manifests
    if hasattr(manifests, "keys"):
        return to_json(manifests)
    return "\n---\n".join(to_json(one) for one in manifests)  # type: ignore[union-attr]
