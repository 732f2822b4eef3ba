#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each public header alone as C11 and C++17, and the dialect that makes SWIG's output good."""
import os
import re
import subprocess
import tempfile

from sources import ROOT, c_files, text_of, verdict, without_comments

MAX_EXPORTS = 260
COMPILERS = [
    [os.environ.get("CC", "cc"), "-std=c11", "-x", "c"],
    [os.environ.get("CXX", "c++"), "-std=c++17", "-x", "c++"],
]
# Of C++, Go and Python: a parameter of such a name would be renamed by SWIG or not compile.
KEYWORDS = set(
    """alignas alignof and as assert async await break case catch chan class compl const_cast
    continue def default defer del delete dynamic_cast elif else except explicit export fallthrough
    finally for friend from func global go goto if import in interface is lambda map mutable
    namespace new nonlocal noexcept not nullptr operator or package pass private protected public
    raise range reinterpret_cast return select static_cast template this throw try type typeid
    typename using var virtual wchar_t while with xor yield None True False""".split()
)
SCALARS = {"bool", "int", "int64_t", "uint64_t", "double"}
# A unit belongs into the name of a time.
TIMES = re.compile(r"(timeout|delay|interval|duration|deadline|age|grace|period|elapsed)$")
FUNCTION = re.compile(r"\b(LLMD_API|LLMD_CHECKED)\s+([^;{}]*?)\b(llmd_\w+)\s*\(([^;]*?)\)\s*;", re.S)


def compile_alone(header, faults):
    with tempfile.NamedTemporaryFile("w", suffix=".c") as source:
        source.write(f"#include <{header.relative_to('include')}>\nint main(void) {{ return 0; }}\n")
        source.flush()
        for compiler in COMPILERS:
            command = compiler + ["-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
            done = subprocess.run(command + ["-I", str(ROOT / "include"), source.name],
                                  capture_output=True, text=True, check=False)
            if done.returncode:
                faults.append(f"{header}: {' '.join(compiler)}: {done.stderr.strip()}")


def split_parameter(parameter):
    """("const char *", "name")"""
    match = re.match(r"(.*?)(\w+)$", " ".join(parameter.split()))
    return (match.group(1).strip(), match.group(2)) if match else (parameter, "")


def is_input(kind, types):
    plain = kind.replace("const ", "").strip()
    if kind == "const char *" or plain in SCALARS or plain in types["enum"] | types["hook"]:
        return True
    return plain.endswith("*") and plain.rstrip(" *") in types["opaque"] and plain.count("*") == 1


def check_parameter(kind, name, is_last, types, hooked):
    if name in KEYWORDS:
        return f"the parameter {name} is a keyword somewhere"
    if kind.count("*") > 1:
        return None if name == "out" and is_last else f"{name} is no last parameter named out"
    if name == "out":
        return "out is no pointer to a pointer"
    if TIMES.search(name) and kind in SCALARS:
        return f"{name} has no unit in its name"
    if kind == "void *" and hooked and name == "data":
        return None
    if kind == "char *" and name == "text":  # llmd_free
        return None
    return None if is_input(kind, types) else f"{kind} {name} is no kind of input"


def check_function(header, mark, result, name, parameters, types):
    """What is wrong with one declaration."""
    result = " ".join(result.split())
    if "..." in parameters:
        yield "has variable arguments"
    if result == "llmd_error *" and mark != "LLMD_CHECKED":
        yield "returns an error, so it must be LLMD_CHECKED"
    if result != "llmd_error *" and mark == "LLMD_CHECKED":
        yield "is LLMD_CHECKED without an error"
    split = [split_parameter(p) for p in parameters.split(",") if p.strip() != "void"]
    hooked = any(kind in types["hook"] for kind, _ in split)
    for position, (kind, param) in enumerate(split):
        fault = check_parameter(kind, param, position == len(split) - 1, types, hooked)
        if fault:
            yield fault
        if kind == "llmd_context *" and header.name != "context.h" and (position or param != "ctx"):
            yield "the context comes first and is called ctx"


def collect_types(code):
    opaque = set(re.findall(r"typedef struct (llmd_\w+) \1;", code))
    enums = set(re.findall(r"typedef enum (llmd_\w+)", code))
    hooks = set(re.findall(r"\(\*(llmd_\w+_fn)\)", code))
    return {"opaque": opaque, "enum": enums, "hook": hooks}


def check_docs(path, text, faults):
    """Each exported function stands under a /** comment with an @since."""
    for match in FUNCTION.finditer(without_comments(text, strings=False)):
        before = text[: match.start()].rstrip()
        comment = before[before.rfind("/**") :] if before.endswith("*/") else ""
        if "@since" not in comment:
            faults.append(f"{path}: {match.group(3)} has no comment with @since above it")


def check_shape(path, code, faults):
    if re.search(r"\bunion\b", code):
        faults.append(f"{path}: a union")
    if re.search(r"\bstruct\s+\w*\s*\{", code):
        faults.append(f"{path}: a struct with public fields")


def main():
    headers = c_files("include", suffixes=(".h",))
    codes = {h: without_comments(text_of(h)) for h in headers}
    types = collect_types("\n".join(codes.values()))
    faults, exports = [], set()
    for header, code in codes.items():
        compile_alone(header, faults)
        check_shape(header, code, faults)
        check_docs(header, text_of(header), faults)
        for mark, result, name, parameters in FUNCTION.findall(code):
            exports.add(name)
            for fault in check_function(header, mark, result, name, parameters, types):
                faults.append(f"{header}: {name}: {fault}")
    faults += [f"{kind} has no {kind}_free" for kind in types["opaque"] if f"{kind}_free" not in exports]
    faults += [f"hook {hook} is one too many" for hook in types["hook"]
               if hook not in {"llmd_log_fn", "llmd_poll_fn", "llmd_event_fn"}]
    if len(exports) > MAX_EXPORTS:
        faults.append(f"{len(exports)} functions, at most {MAX_EXPORTS}")
    verdict("headers", faults, f"{len(headers)} headers, {len(exports)} functions")


main()
