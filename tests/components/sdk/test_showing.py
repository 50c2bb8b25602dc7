"""What the objects of the SDK show of themselves: what they are, in a line, whatever they hold."""

from __future__ import annotations

import pytest
from kfmd import metadata
from kfmd.openapi_client import ApiClient, Configuration, MetadataServiceApi


class Anything:
    pass


class Broken:
    def __repr__(self):
        raise RuntimeError("no")


class Table:
    def __repr__(self):
        return "   a  b\n0  1  2\n" * 100


@pytest.fixture
def workspace(backend):
    return metadata.Workspace(backend.address, name="ws1", description="d", labels={"a": "b"})


def test_workspaces_runs_and_executions_show_what_they_are(backend, workspace):
    run = metadata.Run(workspace, "run1")
    execution = metadata.Execution("train", workspace=workspace, run=run)
    assert repr(workspace) == f"Workspace('http://{backend.address}', name='ws1')"
    assert repr(run) == "Run(name='run1', workspace='ws1')"
    assert repr(execution) == "Execution(id='1', name='train', run='run1', workspace='ws1')"
    assert repr(metadata.Execution("e", workspace=workspace)) == "Execution(id='2', name='e', workspace='ws1')"


def test_clients_show_where_they_connect_to():
    client = ApiClient(Configuration("127.0.0.1:8080"))
    assert repr(MetadataServiceApi(client)) == "MetadataServiceApi(ApiClient('127.0.0.1:8080'))"
    assert repr(client.configuration) == "Configuration('127.0.0.1:8080')"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Anything(), "<tests.components.sdk.test_showing.Anything>"),
        ([Anything()], "[<tests.components.sdk.test_showing.Anything>]"),
        (Broken(), "<tests.components.sdk.test_showing.Broken>"),
        ({"a": Broken()}, "<dict>"),
        (len, "<built-in function len>"),
        ("x" * 5000, "'xxx"),
        (list(range(5000)), "[0, 1, 2, 3, 4, 5, ...]"),
        ("two\nlines", "'two\\nlines'"),
        (Table(), "a b 0 1 2 a b"),
        ("\ud800", "'\\ud800'"),
    ],
)
def test_an_artifact_shows_odd_values_in_a_short_line_without_addresses_in_memory(value, shown):
    text = repr(metadata.Model(name="n", uri="u", extra=value))
    assert text.startswith("Model(name='n', uri='u', create_time='20")
    assert f"extra={shown}" in text
    assert " at 0x" not in text
    assert len(text) < 200
    assert "\n" not in text


def test_an_artifact_that_contains_itself_can_be_shown():
    loop = []
    loop.append(loop)
    assert "extra=[[[[[...]]]]]" in repr(metadata.Model(name="n", uri="u", extra=loop))


def test_an_artifact_shows_its_numbers_of_properties_shortened():
    fields = {f"p{number}": number for number in range(1000)}
    text = repr(metadata.Model(name="n", uri="u", **fields))
    assert len(text) < 2000
    assert text.endswith("...)")


def test_errors_show_odd_values_as_well(workspace):
    for thing in (Anything(), Broken(), Table()):
        with pytest.raises(TypeError, match=r"cannot log the .*test_showing\.") as caught:
            metadata.Execution("e", workspace=workspace).log_input(thing)
        assert " at 0x" not in str(caught.value)
        with pytest.raises(TypeError, match=r"'run' must be a Run or the name of one, not the .*test_showing\."):
            metadata.Execution("e", workspace=workspace, run=thing)
