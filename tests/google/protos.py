# SPDX-License-Identifier: Apache-2.0
"""Google's protos as a second opinion: the strict parser of protobuf, the field behaviours and the
deprecations that they are annotated with, and the paths of google.api.http.

The descriptor set is compiled by install.sh; LLMD_GOOGLE_PROTOS names it. Without it nothing is
judged here (available() says so) and run.sh reports the skip.
"""

import functools
import json
import os
from urllib.parse import parse_qsl

from google.api import annotations_pb2, field_behavior_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

from paths import Routes, expand

SERVICES = {
    "container.googleapis.com": ["google.container.v1."],
    "compute.googleapis.com": ["google.cloud.compute.v1."],
    "serviceusage.googleapis.com": ["google.api.serviceusage.v1.", "google.longrunning."],
    "cloudresourcemanager.googleapis.com": ["google.cloud.resourcemanager.v3."],
    "cloudquotas.googleapis.com": ["google.api.cloudquotas.v1."],
    "monitoring.googleapis.com": ["google.monitoring.v3."],
    "orgpolicy.googleapis.com": ["google.cloud.orgpolicy.v2."],
    "iam.googleapis.com": ["google.iam.admin.v1."],
    "iamcredentials.googleapis.com": ["google.iam.credentials.v1."],
    "cloudbilling.googleapis.com": ["google.cloud.billing.v1."],
    "gkerecommender.googleapis.com": ["google.cloud.gkerecommender.v1."],
}
SYSTEM_PARAMETERS = {"alt", "fields", "key", "prettyPrint", "quotaUser"}
TYPES = {
    number: name.removeprefix("TYPE_").lower()
    for name, number in descriptor_pb2.FieldDescriptorProto.Type.items()
}
SMALL_INTEGERS = {"int32", "uint32", "sint32", "fixed32", "sfixed32"}
TRUTH = {"true": True, "false": False}


def available():
    return os.path.exists(os.environ.get("LLMD_GOOGLE_PROTOS", ""))


@functools.cache
def load():
    """(pool, its files)"""
    pool, descriptors = descriptor_pool.DescriptorPool(), descriptor_pb2.FileDescriptorSet()
    with open(os.environ["LLMD_GOOGLE_PROTOS"], "rb") as file:
        descriptors.ParseFromString(file.read())
    for descriptor in descriptors.file:
        pool.AddSerializedFile(descriptor.SerializeToString())
    return pool, list(descriptors.file)


class Method:
    """One binding of an rpc: its HTTP method, path and which field is the body."""

    def __init__(self, rpc, rule):
        self.rpc = rpc
        self.name = rpc.full_name
        self.http = rule.WhichOneof("pattern").upper()
        self.template = getattr(rule, self.http.lower())
        self.body = rule.body
        _, _, names = expand(self.template)
        self.in_path = set(names)

    def body_message(self):
        if self.body in ("", "*"):
            return self.rpc.input_type if self.body else None
        return self.rpc.input_type.fields_by_name[self.body].message_type


def bindings(rpc):
    rule = rpc.GetOptions().Extensions[annotations_pb2.http]
    for one in [rule, *rule.additional_bindings]:
        if one.WhichOneof("pattern"):
            yield Method(rpc, one)


@functools.cache
def routes(host):
    found = Routes()
    pool, files = load()
    for file in files:
        for service in file.service:
            name = f"{file.package}.{service.name}"
            if any(name.startswith(prefix) for prefix in SERVICES.get(host, [])):
                for rpc in pool.FindServiceByName(name).methods:
                    for method in bindings(rpc):
                        found.add(method.http, method.template, method)
    return found


def find(host, http, path):
    """The method, or None."""
    if not available():
        return None
    found = routes(host).find(http, path)
    return found[0] if found else None


@functools.cache
def behaviours(field):
    values = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    return {field_behavior_pb2.FieldBehavior.Name(value) for value in values}


@functools.cache
def by_json_name(message):
    return {field.json_name: field for field in message.fields}


def missing(field):
    """Whether a REQUIRED field that is not there is a fault: a zero that is a value of its own, such
    as the first of an enum, looks the same on the wire as nothing."""
    if "REQUIRED" not in behaviours(field):
        return False
    if field.enum_type:
        return "UNSPECIFIED" in field.enum_type.values_by_number[0].name
    return TYPES[field.type] in ("message", "string", "bytes") or field.is_repeated


def is_map(field):
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def check_enum(field, value, where):
    if isinstance(value, int):
        yield f"{where}: an enum by its number"
        return
    found = field.enum_type.values_by_name.get(value)
    if found and found.GetOptions().deprecated:
        yield f"{where}: {value} is deprecated"


def kind_wanted(field):
    """What a value of this field is in JSON, and the Python types of that."""
    kind = TYPES[field.type]
    if kind in ("message", "group"):
        return "an object", (dict,)
    if kind in ("string", "bytes"):
        return "a string", (str,)
    if kind == "bool":
        return "true or false", (bool,)
    if kind == "enum":
        return "a value's name", (str, int)  # its number is told as such
    return "a number", (int, float, str)  # 64 bits stand in quotes


def is_well_known(field):
    """A duration, time, wrapper, ...: each has a form of its own, which the parser knows."""
    return field.message_type is not None and field.message_type.file.package == "google.protobuf"


def check_kind(field, value, where):
    """One value, an element of a list or a value of a map. The parser runs over what it is given, and
    so takes an empty list or text for a message."""
    wanted, types = kind_wanted(field)
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        yield f"{where}: want {wanted}, not {json.dumps(value)}"


def check_value(field, value, where):
    if value is None:
        yield f"{where}: null"
        return
    if is_well_known(field):
        return
    wrong = list(check_kind(field, value, where))
    if wrong:
        yield from wrong
    elif field.enum_type:
        yield from check_enum(field, value, where)
    elif field.message_type:
        yield from check_message(field.message_type, value, where, ())
    elif isinstance(value, str) and TYPES[field.type] in SMALL_INTEGERS:
        yield f"{where}: a 32-bit integer in quotes"


def check_items(field, value, where):
    if is_map(field):
        if not isinstance(value, dict):
            yield f"{where}: want a map, not {json.dumps(value)}"
            return
        of = field.message_type.fields_by_name["value"]
        for key, item in value.items():
            yield from check_value(of, item, f"{where}[{key}]")
    elif not isinstance(value, list):
        yield f"{where}: want a list, not {json.dumps(value)}"
    else:
        for index, item in enumerate(value):
            yield from check_value(field, item, f"{where}[{index}]")


def check_field(field, value, where):
    if "OUTPUT_ONLY" in behaviours(field):
        yield f"{where}: output only"
    if field.GetOptions().deprecated:
        yield f"{where}: deprecated"
    if field.is_repeated and value is not None:
        yield from check_items(field, value, where)
    else:
        yield from check_value(field, value, where)


def check_message(message, value, where, in_path):
    """What the parser lets pass. Its own complaints come from parse()."""
    known = by_json_name(message)
    for key, item in value.items():
        place = f"{where}.{key}" if where else key
        field = known.get(key)
        if field is None:
            kind = "snake_case" if key in message.fields_by_name else "unknown field"
            yield f"{place}: {kind}, not in {message.full_name}"
        elif field.name in in_path:
            yield f"{place}: in the path already"
        else:
            yield from check_field(field, item, place)
    for field in message.fields:
        if missing(field) and field.json_name not in value and field.name not in in_path:
            yield f"{where + '.' if where else ''}{field.json_name}: required"


def parse(message, value):
    try:
        json_format.ParseDict(value, message_factory.GetMessageClass(message)(), descriptor_pool=load()[0])
    except (json_format.ParseError, ValueError, TypeError) as error:
        yield str(error)


def check_body(method, text):
    message = method.body_message()
    if message is None:
        return
    try:
        body = json.loads(text) if text else {}
    except ValueError:
        return  # told by the discovery side
    if not isinstance(body, dict):
        yield f"body: want an object, not {json.dumps(body)}"
        return
    faults = list(check_message(message, body, "", method.in_path if method.body == "*" else ()))
    if not any("unknown field" in fault for fault in faults):
        faults += parse(message, body)
    yield from faults


def put_in(value, path, text):
    """Into the nested dictionary that the query "a.b=text" stands for."""
    *outer, last = path
    for field in outer:
        value = value.setdefault(field.json_name, {})
    item = TRUTH.get(text, text) if TYPES[last.type] == "bool" else text
    if last.is_repeated:
        value.setdefault(last.json_name, []).append(item)
    else:
        value[last.json_name] = item


def field_path(message, name):
    """The fields of "a.b", None when one is not there."""
    path = []
    for part in name.split("."):
        field = by_json_name(message).get(part) if message else None
        if field is None:
            return None
        path.append(field)
        message = field.message_type
    return path


def check_query(method, query):
    request = method.rpc.input_type
    value = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        path = field_path(request, name)
        if name in SYSTEM_PARAMETERS and not path:
            continue
        if not path or method.body == "*" or path[0].name in method.in_path | {method.body}:
            yield f"query parameter {name} is not one of the method's"
            continue
        if any(field.GetOptions().deprecated for field in path):
            yield f"query parameter {name}: deprecated"
        put_in(value, path, text)
    yield from parse(request, value)
    for field in request.fields:
        given = field.name in method.in_path | {method.body} or field.json_name in value
        if method.body != "*" and missing(field) and not given:
            yield f"query parameter {field.json_name} is required"


def check(method, query, text):
    if method.rpc.GetOptions().deprecated:
        yield f"{method.name} is deprecated"
    for name in method.in_path:
        field = method.rpc.input_type.fields_by_name.get(name)
        if field is not None and field.GetOptions().deprecated:
            yield f"path with {name}: deprecated"
    yield from check_query(method, query)
    yield from check_body(method, text)
