# SPDX-License-Identifier: Apache-2.0
import asyncio
import builtins
import pickle

import pytest

import llmd
from llmd.errors import from_c


def test_version_is_the_package_version():
    assert llmd.version() == llmd.__version__


@pytest.mark.parametrize("code, cls, builtin", [
    ("INVALID", llmd.InvalidError, ValueError),
    ("NOT_FOUND", llmd.NotFoundError, LookupError),
    ("EXISTS", llmd.ExistsError, Exception),
    ("CONFLICT", llmd.ConflictError, Exception),
    ("DENIED", llmd.DeniedError, PermissionError),
    ("BUSY", llmd.BusyError, Exception),
    ("UNREACHABLE", llmd.UnreachableError, ConnectionError),
    ("TIMEOUT", llmd.TimeoutError, builtins.TimeoutError),
    ("TIMEOUT", llmd.TimeoutError, asyncio.TimeoutError),
    ("CANCELED", llmd.CanceledError, Exception),
    ("REMOTE", llmd.RemoteError, Exception),
    ("PROTOCOL", llmd.ProtocolError, Exception),
    ("TOO_LARGE", llmd.TooLargeError, Exception),
    ("FAILED", llmd.FailedError, Exception),
    ("SYSTEM", llmd.SystemError, OSError),
    ("OF_THE_FUTURE", llmd.Error, Exception),
])
def test_each_code_has_its_class(code, cls, builtin):
    error = from_c(code, "m", "R", "do it", 418, True, 1500, None)
    assert type(error) is cls and isinstance(error, builtin) and isinstance(error, llmd.Error)
    assert (error.code, error.message, error.reason, error.advice) == (code, "m", "R", "do it")
    assert (error.http_status, error.retryable, error.retry_after) == (418, True, 1.5)
    assert str(error) == "m\ndo it"
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls and str(again) == str(error) and again.retry_after == 1.5


def test_out_of_memory_is_the_builtin():
    assert type(from_c("NO_MEMORY", "m", "", "", 0, False, 0, None)) is MemoryError


def test_an_error_tells_object_and_advice():
    with pytest.raises(llmd.UnreachableError) as caught:
        llmd.Endpoint("http://127.0.0.1:1", model="m").chat("hi", timeout=10)
    assert "127.0.0.1:1" in caught.value.message
    assert caught.value.advice and caught.value.advice in str(caught.value)


def test_a_kubeconfig_that_does_not_exist():
    with pytest.raises(llmd.NotFoundError, match="/no/such/file"):
        llmd.Kube("/no/such/file")


def test_a_context_that_does_not_exist(sandbox):
    with pytest.raises(llmd.NotFoundError, match="nowhere"):
        llmd.Kube(sandbox.kubeconfig, context="nowhere")


def test_an_empty_kubeconfig():
    with pytest.raises(llmd.InvalidError):
        llmd.Kube.from_text("")


@pytest.mark.parametrize("bad, error", [
    ("a\0b", ValueError), (b"bytes", TypeError), (3, TypeError), ("\ud800", ValueError)])
def test_text_that_c_cannot_hold_is_refused(bad, error):
    with pytest.raises(error):
        llmd.Kube.from_text(bad)


def test_the_parameter_is_named():
    with pytest.raises(ValueError, match="kube_open_text: kubeconfig_text contains a NUL"):
        llmd.Kube.from_text("a\0b")


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf"), 1e300])
def test_a_timeout_that_is_none(endpoint, timeout):
    with pytest.raises(ValueError, match="timeout"):
        endpoint.chat("hi", timeout=timeout)
    with pytest.raises(ValueError, match="timeout"):
        next(iter(endpoint.chat("hi", stream=True, timeout=timeout)))
