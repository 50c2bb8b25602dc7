"""Calls to the store that it refuses unseen are sent again, and no others."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from grpc.aio import AioRpcError, Metadata

from kubeflow_metadata.rest.calls import Calls, Connection
from kubeflow_metadata.rest.errors import StoreError

REFUSED = "Stream removed (RST_STREAM (Received RST_STREAM with error code 7))"


class Store:
    """A store that fails a number of times before it answers."""

    def __init__(self, failures):
        self.failures = failures
        self.calls = 0

    def rpc(self, _request, **_options):
        return self

    def __await__(self):
        self.calls += 1
        if self.failures:
            raise AioRpcError(grpc.StatusCode.UNAVAILABLE, Metadata(), Metadata(), self.failures.pop())
        yield from asyncio.sleep(0).__await__()
        return "the response"

    async def trailing_metadata(self):
        return ()


def ask(store, method, seconds=60.0):
    async def run():
        connection = Connection("127.0.0.1:1", 2**20, 2**20)
        connection._large = connection._small = type("Channel", (), {"unary_unary": lambda *_: store.rpc})()
        return await Calls(connection, seconds)(method)

    return asyncio.run(run())


@pytest.mark.parametrize("method", ["PutArtifacts", "GetArtifactTypes"])
def test_a_call_without_a_stream_is_sent_again_until_there_is_one(method):
    store = Store([REFUSED] * 3)
    assert ask(store, method) == "the response"
    assert store.calls == 4


def test_the_time_of_the_call_ends_the_attempts():
    store = Store([REFUSED] * 100)
    with pytest.raises(StoreError, match="UNAVAILABLE"):
        ask(store, "PutArtifacts", seconds=0.05)
    assert 1 < store.calls < 100


@pytest.mark.parametrize("details", ["Socket closed", "Stream removed (RST_STREAM with error code 8)"])
def test_a_call_that_may_have_been_seen_is_not_sent_again(details):
    store = Store([details])
    with pytest.raises(StoreError, match="UNAVAILABLE"):
        ask(store, "PutArtifacts")
    assert store.calls == 1
