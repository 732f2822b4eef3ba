# SPDX-License-Identifier: Apache-2.0
"""Which method a request is, by its path: templates of discovery documents and of google.api.http.

A pattern is a list of segments: None for one segment of any name, "**" for the rest, else the text;
the custom verb, ":fetch" in "models:fetch", stands apart.
"""

import re

REST = "**"


def expand(template):
    """(segments, verb, names of the variables) of "/v1/{parent=projects/*}/x:verb"."""
    names = [name.lstrip("+") for name in re.findall(r"{([^=}]+)", template)]
    flat = re.sub(r"{[^=}]+=([^}]*)}", r"\1", template)
    flat = re.sub(r"{[^}]*}", "*", flat)
    body, colon, verb = flat.partition(":")
    segments = [None if part == "*" else part for part in body.strip("/").split("/")]
    return segments, colon + verb, names


def fits(segments, parts):
    if segments and segments[-1] == REST:
        head = segments[:-1]
        return len(parts) > len(head) and fits(head, parts[: len(head)])
    return len(segments) == len(parts) and all(
        part if segment is None else segment == part for segment, part in zip(segments, parts)
    )


class Routes:
    """Looked up by HTTP method and verb first, then by the few candidates of that length."""

    def __init__(self):
        self.known = {}

    def add(self, http, template, value):
        segments, verb, _ = expand(template)
        length = REST if REST in segments else len(segments)
        self.known.setdefault((http, verb, length), []).append((segments, value))

    def find(self, http, path):
        """The values of all templates that fit, the literal ones first."""
        head, slash, last = path.strip("/").rpartition("/")
        last, colon, verb = last.partition(":")
        found = self._find(http, f"{head}{slash}{last}", colon + verb)
        return found or (self._find(http, path.strip("/"), "") if colon else [])

    def _find(self, http, path, verb):
        parts = path.split("/")
        candidates = self.known.get((http, verb, len(parts)), []) + self.known.get((http, verb, REST), [])
        hits = [(segments.count(None), order, value)
                for order, (segments, value) in enumerate(candidates) if fits(segments, parts)]
        return [value for _, _, value in sorted(hits, key=lambda hit: hit[:2])]
