# SPDX-License-Identifier: Apache-2.0
"""Cloud Quotas and the inference quickstart have no discovery document in the package; their client
libraries know every method's path and message."""

import json
import re

from google.cloud import cloudquotas_v1, gkerecommender_v1
from google.protobuf import json_format

QUOTAS = "cloudquotas.googleapis.com"
RECOMMENDER = "gkerecommender.googleapis.com"

_ONE = r"[^/]+"
_INFOS = f"/v1/projects/{_ONE}/locations/{_ONE}/services/{_ONE}/quotaInfos"
_PREFERENCES = f"/v1/projects/{_ONE}/locations/{_ONE}/quotaPreferences"

# (host, HTTP method, path, message of the body or of the query)
METHODS = [
    (QUOTAS, "GET", _INFOS, cloudquotas_v1.ListQuotaInfosRequest, "query"),
    (QUOTAS, "GET", f"{_INFOS}/{_ONE}", cloudquotas_v1.GetQuotaInfoRequest, "query"),
    (QUOTAS, "GET", _PREFERENCES, cloudquotas_v1.ListQuotaPreferencesRequest, "query"),
    (QUOTAS, "POST", _PREFERENCES, cloudquotas_v1.QuotaPreference, "body"),
    (QUOTAS, "PATCH", f"{_PREFERENCES}/{_ONE}", cloudquotas_v1.QuotaPreference, "body"),
    (RECOMMENDER, "GET", "/v1/models:fetch", gkerecommender_v1.FetchModelsRequest, "query"),
    (RECOMMENDER, "GET", "/v1/modelServers:fetch", gkerecommender_v1.FetchModelServersRequest, "query"),
    (RECOMMENDER, "GET", "/v1/modelServerVersions:fetch",
     gkerecommender_v1.FetchModelServerVersionsRequest, "query"),
    (RECOMMENDER, "POST", "/v1/profiles:fetch", gkerecommender_v1.FetchProfilesRequest, "body"),
    (RECOMMENDER, "POST", "/v1/optimizedManifest:generate",
     gkerecommender_v1.GenerateOptimizedManifestRequest, "body"),
    (RECOMMENDER, "POST", "/v1/benchmarkingData:fetch",
     gkerecommender_v1.FetchBenchmarkingDataRequest, "body"),
]


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def check(host, http, path, query, text):
    """The method's name, and what is wrong."""
    for known_host, known_http, pattern, message, where in METHODS:
        if known_host != host or known_http != http or not re.fullmatch(pattern, path):
            continue
        if where == "query":
            known = {camel(f.name) for f in message.pb(message()).DESCRIPTOR.fields}
            return message.__name__, [
                f"query parameter {name} is not one of the method's"
                for name, _ in query
                if name not in known
            ]
        return message.__name__, list(check_body(message, text))
    return None, []


def check_body(message, text):
    for name in re.findall(r'"([a-z]+_[a-z_]+)"\s*:', text):
        if name != "tpu_family":  # a dimension's own name
            yield f"{name}: snake_case"
    try:
        json_format.ParseDict(json.loads(text or "{}"), message.pb(message()))
    except (ValueError, json_format.ParseError) as error:
        yield str(error)
