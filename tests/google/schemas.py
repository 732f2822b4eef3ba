# SPDX-License-Identifier: Apache-2.0
"""Google's own description of its APIs, from published packages: which method a request is, and
what is wrong with its query and body."""

import functools
import importlib.resources
import json
import re
from urllib.parse import parse_qsl, unquote

from paths import Routes

DOCUMENTS = {
    "container.googleapis.com": ["container.v1"],
    "compute.googleapis.com": ["compute.v1"],
    "serviceusage.googleapis.com": ["serviceusage.v1"],
    "cloudresourcemanager.googleapis.com": ["cloudresourcemanager.v1", "cloudresourcemanager.v3"],
    "monitoring.googleapis.com": ["monitoring.v3"],
    "orgpolicy.googleapis.com": ["orgpolicy.v2"],
    "iam.googleapis.com": ["iam.v1"],
    "cloudbilling.googleapis.com": ["cloudbilling.v1"],
    "iamcredentials.googleapis.com": ["iamcredentials.v1"],
    "sts.googleapis.com": ["sts.v1"],
}

INTEGER = re.compile(r"-?[0-9]+\Z")
DURATION = re.compile(r"-?[0-9]+(\.[0-9]{1,9})?s\Z")


def load(name):
    folder = importlib.resources.files("googleapiclient.discovery_cache") / "documents"
    return json.loads((folder / f"{name}.json").read_text())


class Method:
    """One method of a discovery document."""

    def __init__(self, document, spec):
        self.document = document
        self.id = spec["id"]
        self.http = spec["httpMethod"]
        self.spec = spec
        self.template = document["servicePath"] + spec.get("flatPath", spec["path"])

    def parameters(self):
        return {**self.document.get("parameters", {}), **self.spec.get("parameters", {})}


def methods_of(document):
    def walk(node):
        for spec in node.get("methods", {}).values():
            yield Method(document, spec)
        for child in node.get("resources", {}).values():
            yield from walk(child)

    return list(walk(document))


class Api:
    """All documents of one host."""

    def __init__(self, host):
        self.routes = Routes()
        for name in DOCUMENTS[host]:
            for method in methods_of(load(name)):
                self.routes.add(method.http, method.template, method)

    def find(self, http, path):
        found = self.routes.find(http, path)
        return found[0] if found else None


@functools.cache
def api(host):
    return Api(host) if host in DOCUMENTS else None


def check_query(method, query):
    known = method.parameters()
    given = parse_qsl(query, keep_blank_values=True)
    for name, value in given:
        if name not in known and f"`{name}`" in method.spec.get("description", ""):
            continue  # compute's returnPartialSuccess: told in words, left out of the list
        if name not in known or known[name].get("location") == "path":
            yield f"query parameter {name} is not one of the method's"
        else:
            yield from check_scalar(known[name], value, f"query parameter {name}", text=True)
    names = {name for name, _ in given}
    for name, spec in method.spec.get("parameters", {}).items():
        if spec.get("required") and spec["location"] == "query" and name not in names:
            yield f"query parameter {name} is required"


def check_scalar(spec, value, where, text=False):
    kind, form = spec.get("type"), spec.get("format", "")
    if kind == "string" and not isinstance(value, str):
        if form in ("int64", "uint64") and isinstance(value, int) and not isinstance(value, bool):
            return
        yield f"{where}: want a string, not {json.dumps(value)}"
    elif kind == "string":
        if "enum" in spec and value not in spec["enum"]:
            yield f"{where}: {value!r} is not of the enum"
        if form in ("int64", "uint64") and not INTEGER.match(value):
            yield f"{where}: {value!r} is no integer"
        if form == "google-duration" and not DURATION.match(value):
            yield f"{where}: {value!r} is no duration"
    elif kind == "boolean" and not (isinstance(value, bool) or text and value in ("true", "false")):
        yield f"{where}: want true or false, not {json.dumps(value)}"
    elif kind == "integer" and not (
        isinstance(value, int) and not isinstance(value, bool) or text and INTEGER.match(value)
    ):
        yield f"{where}: want an integer, not {json.dumps(value)}"
    elif kind == "number" and (isinstance(value, (bool, str)) and not text):
        yield f"{where}: want a number, not {json.dumps(value)}"


def is_required(field, method):
    if method.id in field.get("annotations", {}).get("required", []):
        return True
    return field.get("description", "").startswith("Required.")


def check_message(document, name, value, where, method, in_path):
    fields = document["schemas"][name].get("properties", {})
    if not isinstance(value, dict):
        yield f"{where or 'body'}: want an object ({name})"
        return
    for key, item in value.items():
        place = f"{where}.{key}" if where else key
        if key not in fields:
            kind = "snake_case" if "_" in key else "unknown field"
            yield f"{place}: {kind}, not in {name}"
            continue
        field = fields[key]
        if field.get("readOnly") or field.get("description", "").startswith(
            ("[Output only]", "[Output Only]", "Output only.")
        ):
            yield f"{place}: output only"
        if field.get("deprecated"):
            yield f"{place}: deprecated"
        yield from check_value(document, field, item, place, method)
    for key, field in fields.items():
        if is_required(field, method) and key not in value and key not in in_path:
            yield f"{where + '.' if where else ''}{key}: required"


def check_value(document, field, value, where, method):
    if value is None:
        yield f"{where}: null"
    elif "$ref" in field:
        yield from check_message(document, field["$ref"], value, where, method, ())
    elif field.get("type") == "array":
        if not isinstance(value, list):
            yield f"{where}: want a list"
            return
        for index, item in enumerate(value):
            yield from check_value(document, field["items"], item, f"{where}[{index}]", method)
    elif field.get("type") == "object":
        inner = field.get("additionalProperties")
        if not isinstance(value, dict):
            yield f"{where}: want an object"
        elif inner:
            for key, item in value.items():
                yield from check_value(document, inner, item, f"{where}[{key}]", method)
    else:
        yield from check_scalar(field, value, where)


def unique_keys(pairs):
    keys = [key for key, _ in pairs]
    for key in set(keys):
        if keys.count(key) > 1:
            raise ValueError(f"{key}: given twice")
    return dict(pairs)


def check_body(method, text):
    reference = method.spec.get("request", {}).get("$ref")
    if not text:
        if reference and method.http in ("POST", "PUT", "PATCH") and required_body(method):
            yield "the body is missing"
        return
    try:
        body = json.loads(text, object_pairs_hook=unique_keys)
    except ValueError as error:
        yield f"body: {error}"
        return
    if not reference:
        if body != {}:
            yield "a body, where the method takes none"
        return
    in_path = set(method.spec.get("parameters", {}))
    yield from check_message(method.document, reference, body, "", method, in_path)


def required_body(method):
    fields = method.document["schemas"][method.spec["request"]["$ref"]].get("properties", {})
    return any(is_required(f, method) for k, f in fields.items() if k not in method.parameters())


def split_target(target, host):
    path, _, query = target.partition("?")
    prefix = f"/{host}"
    path = path[len(prefix):] if path.startswith(prefix + "/") else path
    return unquote(path) if ":" not in path else path, query
