"""Objects of the SDK in other processes and threads: each has connections of its own, and gets its own ids."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kfmd import metadata
from kfmd.openapi_client import ApiClient, ApiException, Configuration, MetadataServiceApi
from urllib3.util import Retry

SCRIPT = Path(__file__).parents[2] / "contract" / "clients" / "share_execution.py"


@pytest.fixture
def execution(backend):
    workspace = metadata.Workspace(backend.address, name="ws1", labels={"a": "b"})
    return metadata.Execution("train", workspace=workspace, run=metadata.Run(workspace, "run1"))


@pytest.mark.parametrize(
    ("how", "loggers"),
    [
        ("fork", 5),
        ("fork-from-threads", 9),
        ("fork-pool", 4),
        ("spawn-pool", 4),
        ("forkserver-pool", 4),
        ("thread-pool", 4),
        ("asyncio", 4),
        ("copies", 6),
    ],
)
def test_everyone_who_shares_an_execution_gets_the_ids_of_what_it_logged(backend, how, loggers):
    command = [sys.executable, SCRIPT, "kfmd.metadata", backend.address, "shared", how]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert len(result["stored"]) == loggers * 5
    assert result["answered"] == result["stored"]
    assert result["outputs"] == sorted(result["stored"].values())


def test_a_copy_keeps_what_the_original_is(backend, execution):
    model = execution.log_output(metadata.Model(name="MNIST", uri="gs://m", layers=[3, 1]))
    for copied, model_copy in (
        (copy.deepcopy(execution), copy.deepcopy(model)),
        (pickle.loads(pickle.dumps(execution)), pickle.loads(pickle.dumps(model))),
    ):
        assert repr(copied) == repr(execution)
        assert copied.workspace.labels == {"a": "b"}
        assert vars(model_copy) == vars(model)
        assert copied.log_input(model_copy).id == model.id
    assert [fields["id"] for fields in execution.workspace.list()] == [model.id]


def test_a_copied_client_keeps_its_settings(backend):
    configuration = Configuration(backend.address)
    configuration.retries = Retry(2)
    configuration.timeout = 7
    client = MetadataServiceApi(ApiClient(configuration, "Authorization", "Bearer me", cookie="session=1"))
    client.list_artifacts2()
    copied = pickle.loads(pickle.dumps(client))
    copied.list_artifacts2()
    first, second = backend.requests
    assert first.headers == second.headers
    assert copied.api_client.configuration.timeout == 7
    assert copied.api_client.configuration.retries.total == 2


def test_an_error_of_a_worker_reaches_its_parent_whole(backend):
    backend.will_answer(status=409, body={"message": "it is another"})
    with pytest.raises(ApiException) as caught:
        MetadataServiceApi(ApiClient(Configuration(backend.address))).list_artifacts2()
    sent = pickle.loads(pickle.dumps(caught.value))
    assert type(sent) is type(caught.value)
    assert str(sent) == str(caught.value)
    assert (sent.status, sent.body, dict(sent.headers)) == (409, caught.value.body, dict(caught.value.headers))


def test_threads_that_log_one_artifact_store_it_once(backend, execution):
    data_set = metadata.DataSet(name="digits", uri="gs://d")
    together = threading.Barrier(8)

    def read(number):
        step = metadata.Execution(f"step {number}", workspace=execution.workspace)
        together.wait()
        return step.log_input(data_set).id

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(read, range(8))) == {data_set.id}
    assert len(execution.workspace.list(metadata.DataSet)) == 1
    assert len(execution.workspace.client.list_events2(data_set.id).events) == 8
