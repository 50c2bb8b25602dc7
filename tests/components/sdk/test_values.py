"""What may be saved with an artifact: plain values, what plainly means one, and what is said about all else."""

from __future__ import annotations

import argparse
import dataclasses
import enum
import json
import os
import uuid
from collections import ChainMap, OrderedDict, deque
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath
from types import MappingProxyType, SimpleNamespace

import pytest
from kfmd import metadata, openapi_client
from kfmd.openapi_client import ApiTypeError, ApiValueError


class Stage(enum.Enum):
    TEST = "test"
    PARTS = frozenset("a")


class Level(enum.IntEnum):
    HIGH = 3


class Color(str, enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int


class Scalar:
    """What the scalars of numpy, torch and jax have in common."""

    shape = ()

    def __init__(self, item, kind="", text=""):
        self._item, self._text = item, text
        self.dtype = SimpleNamespace(kind=kind)

    def item(self):
        return self._item

    def __str__(self):
        return self._text


class CloudPath(os.PathLike):
    """A path whose file would be downloaded to answer ``os.fspath``."""

    def __fspath__(self):
        raise AssertionError("downloaded")

    def __str__(self):
        return "s3://bucket/key"

    def as_uri(self):
        return str(self)


def saved(artifact):
    return json.loads(artifact.serialization().properties["__ALL_META__"].string_value)


def model(**fields):
    return metadata.Model(**{"name": "n", "uri": "u", **fields})


MOMENT = datetime(2026, 1, 31, 12, 30, tzinfo=timezone.utc)
IDENTITY = uuid.UUID("12345678-1234-5678-1234-567812345678")

PLAIN = [
    (MOMENT, "2026-01-31T12:30:00+00:00"),
    (MOMENT.replace(tzinfo=None), "2026-01-31T12:30:00"),
    (MOMENT.date(), "2026-01-31"),
    (time(12, 30), "12:30:00"),
    (PurePosixPath("/data/x.csv"), "/data/x.csv"),
    (CloudPath(), "s3://bucket/key"),
    (IDENTITY, str(IDENTITY)),
    (Stage.TEST, "test"),
    (Level.HIGH, 3),
    (Color.RED, "red"),
    (Scalar(True), True),
    (Scalar(0.5, "f"), 0.5),
    (Scalar(1769862600000000000, "M", "2026-01-31T12:30:00.000000000"), "2026-01-31T12:30:00.000000000"),
]


@pytest.mark.parametrize(("value", "meaning"), PLAIN)
def test_what_plainly_means_a_plain_value_is_saved_as_that(value, meaning):
    fields = saved(model(extra=value, hyperparameters={"nested": [value]}))
    assert fields["extra"] == fields["hyperparameters"]["nested"][0] == meaning
    assert type(fields["extra"]) is type(meaning)


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        (MappingProxyType({"a": 1}), {"a": 1}),
        (ChainMap({"a": 1}, {"b": 2}), {"a": 1, "b": 2}),
        (OrderedDict(a=1), {"a": 1}),
        (deque([1, 2]), [1, 2]),
        (range(3), [0, 1, 2]),
        ((1, "a"), [1, "a"]),
    ],
)
def test_mappings_and_sequences_are_saved_like_dicts_and_lists(value, meaning):
    assert saved(model(extra=value))["extra"] == meaning


REFUSED = [
    (Decimal("0.10"), "a decimal.Decimal", r"float\(x\) for a number, or str\(x\) to keep every digit"),
    (Fraction(1, 3), "a fractions.Fraction", r"float\(x\) for a number"),
    (1 + 2j, "a complex", r"\[x\.real, x\.imag\]"),
    (timedelta(seconds=3), "a datetime.timedelta", r"x\.total_seconds\(\)"),
    (b"text", "a bytes", r"x\.decode\(\) for text"),
    (bytearray(b"text"), "a bytearray", r"x\.decode\(\)"),
    ({1, 2}, "a set", r"sorted\(x\) or list\(x\)"),
    ({"a": 1}.values(), "a dict_values", r"list\(x\)"),
    ((n for n in "ab"), "a generator", r"list\(x\)"),
    (Point(1), "a .*Point", r"dataclasses\.asdict\(x\)"),
    (argparse.Namespace(lr=1), "an argparse.Namespace", r"vars\(x\)"),
    (SimpleNamespace(lr=1), "a types.SimpleNamespace", r"vars\(x\)"),
    (Stage.PARTS, "a .*Stage", r"str\(x\)"),
    (len, "a builtin_function_or_method", r"x\.__name__"),
    (Point, "a type", r"x\.__name__"),
    (Scalar(3, "m"), "a .*Scalar", r"numpy\.timedelta64\(1, 's'\)"),
    (Scalar(3, "M", "NaT"), "a .*Scalar", "None for a value that is missing"),
    (object(), "an object", r"str\(x\), or a dict of what matters in it"),
]


@pytest.mark.parametrize(("value", "kind", "advice"), REFUSED)
def test_what_has_no_plain_meaning_is_refused_with_its_type_and_what_to_write(value, kind, advice):
    with pytest.raises(
        TypeError, match=rf"Model 'n': extra\[0\] is {kind} and cannot be saved as JSON: use .*{advice}"
    ):
        model(extra=[value]).serialization()


def test_keys_that_plainly_mean_text_are_saved_as_that():
    keys = {1: "int", 0.5: "float", "t": "text", None: "none", Scalar(7): "numpy", date(2026, 1, 31): "d"}
    assert saved(model(extra=keys))["extra"] == {
        "1": "int",
        "0.5": "float",
        "t": "text",
        "null": "none",
        "7": "numpy",
        "2026-01-31": "d",
    }


@pytest.mark.parametrize(
    ("keys", "first", "second"),
    [
        ({1: "a", "1": "b"}, "1", "'1'"),
        ({None: "a", "null": "b"}, "None", "'null'"),
        ({True: "a", "true": "b"}, "True", "'true'"),
        ({date(2026, 1, 31): "a", "2026-01-31": "b"}, r"datetime\.date\(2026, 1, 31\)", "'2026-01-31'"),
    ],
)
def test_two_keys_that_are_saved_as_one_are_refused(keys, first, second):
    complaint = rf"the keys {first} and {second} of values\['x'\] are both saved as "
    with pytest.raises(ValueError, match=complaint):
        metadata.Metrics(name="n", uri="u", values={"x": keys}).serialization()


@pytest.mark.parametrize("key", [(1, 2), frozenset({1}), b"a", Decimal(1)])
def test_keys_of_other_types_are_refused(key):
    with pytest.raises(TypeError, match=r"a key of values is a .*: use a string instead of "):
        metadata.Metrics(name="n", uri="u", values={key: 1}).serialization()


def test_numbers_dates_and_paths_are_taken_where_text_is_meant():
    artifact = metadata.Metrics(
        name="n", uri=Path("/data/x.csv"), data_set_id=3, model_id=Scalar(4), owner=IDENTITY, metrics_type=Color.RED
    )
    message = artifact.serialization()
    texts = {key: value.string_value for key, value in message.properties.items()}
    assert message.uri == saved(artifact)["uri"] == "/data/x.csv"
    assert (texts["data_set_id"], texts["model_id"], texts["owner"]) == ("3", "4", str(IDENTITY))
    assert texts["metrics_type"] == saved(artifact)["metrics_type"] == "red"
    assert saved(artifact)["model_id"] == "4"
    assert model(version=3).serialization().properties["version"].string_value == "3"
    assert model(version=MOMENT.date()).serialization().properties["version"].string_value == "2026-01-31"


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"name": 5}, r"'name' must be a string, not the int 5: write name='5'"),
        (
            {"version": 1.1},
            r"'version' must be a string, not the float 1\.1: write version='1\.1', in quotes: a number",
        ),
        ({"version": True}, r"'version' must be a string, not the bool True$"),
        ({"version": Decimal("1.10")}, r"'version' must be a string, not the decimal\.Decimal Decimal\('1\.10'\)"),
        ({"uri": b"gs://x"}, r"'uri' must be a string, not the bytes b'gs://x': write uri=x\.decode\(\)"),
        ({"owner": ["me"]}, r"'owner' must be a string, not the list \['me'\]$"),
    ],
)
def test_other_values_are_refused_where_text_is_meant(fields, complaint):
    with pytest.raises(TypeError, match=complaint):
        model(**fields).serialization()


def test_an_artifact_in_place_of_its_id_is_refused_with_the_way_to_write_it():
    trained = model()
    trained.id = "5"
    with pytest.raises(
        TypeError, match=r"'model_id' must be a string, not the kfmd\.artifacts\.Model .*: write model_id="
    ):
        metadata.Metrics(name="n", uri="u", model_id=trained).serialization()


def test_the_workspace_of_an_artifact_may_be_the_object():
    assert saved(model(workspace=metadata.Workspace("127.0.0.1:8080", name="ws1")))["workspace"] == "ws1"


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        (
            {"labels": ["a"]},
            r"'labels' must be a dict, one string for each name, not the list \['a'\]: write labels=\{",
        ),
        ({"labels": "a"}, "'labels' must be a dict"),
        ({"labels": {"a": {"b": "c"}}}, r"labels\['a'\] must be a string, not the dict"),
        ({"labels": {"a": ["b"]}}, r"labels\['a'\] must be a string, not the list"),
        ({"labels": {1: "b"}}, r"the name of the label 1 must be a string: write '1'"),
        ({"hyperparameters": [0.1]}, r"'hyperparameters' must be a dict, one value for each parameter, not the list"),
        (
            {"training_framework": "torch"},
            r"must be a dict, with its name and version, not the str 'torch': write training",
        ),
    ],
)
def test_dicts_of_a_wrong_shape_are_refused(fields, complaint):
    with pytest.raises(TypeError, match=complaint):
        model(**fields).serialization()


def test_a_label_without_a_name_is_refused():
    with pytest.raises(ValueError, match="'name of a label' is blank"):
        model(labels={" ": "x"}).serialization()
    with pytest.raises(TypeError, match="Workspace: 'labels' must be a dict"):
        metadata.Workspace("127.0.0.1:8080", name="w", labels=["a"])


def test_labels_may_have_numbers():
    assert saved(model(labels={"stage": "test", "epoch": 3, "done": True}))["labels"] == {
        "stage": "test",
        "epoch": 3,
        "done": True,
    }


def test_metrics_of_a_wrong_shape_are_refused():
    with pytest.raises(
        TypeError, match=r"'values' must be a dict, one value for each metric, not the float 0\.9: write"
    ):
        metadata.Metrics(name="n", uri="u", values=0.9).serialization()


@pytest.mark.parametrize("blank", ["", " ", "\t\n", "\u200b", "\u2060 \ufeff"])
@pytest.mark.parametrize("field", ["name", "uri"])
def test_what_cannot_be_read_is_no_name(field, blank):
    with pytest.raises(ValueError, match=rf"'{field}' (must be set|is blank)"):
        model(**{field: blank}).serialization()


@pytest.mark.parametrize("blank", ["", " ", "\u200b"])
def test_workspaces_runs_and_executions_have_no_blank_names(backend, blank):
    workspace = metadata.Workspace(backend.address, name="w")
    for make in (
        lambda: metadata.Workspace(backend.address, name=blank),
        lambda: metadata.Run(workspace, blank),
        lambda: metadata.Execution(blank, workspace=workspace),
    ):
        with pytest.raises(ValueError, match=r"'name' (must be set|is blank)"):
            make()
    assert backend.requests == []


def test_calls_of_the_api_take_and_refuse_the_same_values():
    encode = openapi_client.ApiClient().sanitize_for_serialization
    assert encode({"a": [Scalar(True), MOMENT.date(), Level.HIGH, PurePosixPath("/x")], 5: None}) == {
        "a": [True, "2026-01-31", 3, "/x"],
        "5": None,
    }
    with pytest.raises(
        ApiTypeError, match=r"body\.a cannot be sent as JSON: it is a decimal\.Decimal\. Use float\(x\)"
    ):
        encode({"a": Decimal(1)})
    with pytest.raises(ApiValueError, match=r"the keys 1 and '1' of body are both saved as '1'"):
        encode({1: "a", "1": "b"})


def test_scalars_of_numpy_are_saved_as_what_they_are():
    numpy = pytest.importorskip("numpy", reason="numpy is not installed: its stand-in alone is tested")
    values = {
        numpy.int64(1): numpy.bool_(True),
        "int": numpy.int64(2),
        "small": numpy.uint8(3),
        "float": numpy.float32(0.5),
        "double": numpy.float64(0.1),
        "text": numpy.str_("t"),
        "zero-dimensional": numpy.array(4),
        "day": numpy.datetime64("2026-01-31"),
        "moment": numpy.datetime64("2026-01-31T12:30:00.000000001", "ns"),
    }
    assert saved(metadata.Metrics(name=numpy.str_("n"), uri="u", values=values))["values"] == {
        "1": True,
        "int": 2,
        "small": 3,
        "float": 0.5,
        "double": 0.1,
        "text": "t",
        "zero-dimensional": 4,
        "day": "2026-01-31",
        "moment": "2026-01-31T12:30:00.000000001",
    }
    assert model(version=numpy.int64(3)).serialization().properties["version"].string_value == "3"
    for value, advice in (
        (numpy.array([1, 2]), r"a numpy\.ndarray .*x\.tolist\(\)"),
        (numpy.complex128(1j), r"a numpy\.complex128 .*\[x\.real, x\.imag\]"),
        (numpy.datetime64("NaT", "s"), r"a numpy\.datetime64 .*None for a value that is missing"),
        (numpy.timedelta64(3, "s"), r"a numpy\.timedelta64 .*numpy\.timedelta64\(1, 's'\)"),
        (numpy.ma.masked, r"a numpy\.ma.*\.MaskedConstant .*None for a value that is missing"),
        (numpy.bytes_(b"x"), r"a numpy\.bytes_ .*x\.decode\(\)"),
    ):
        with pytest.raises(TypeError, match=rf"extra is {advice}"):
            model(extra=value).serialization()


def test_values_of_pandas_are_saved_as_what_they_are():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed: its stand-in alone is tested")
    moment = pandas.Timestamp("2026-01-31T12:30:00Z")
    assert saved(model(extra={moment: moment}))["extra"] == {"2026-01-31T12:30:00+00:00": "2026-01-31T12:30:00+00:00"}
    table = pandas.DataFrame({"a": [1]})
    for value, advice in (
        (pandas.NaT, "NaTType .*None for a value that is missing"),
        (pandas.NA, "NAType .*None for a value that is missing"),
        (pandas.Timedelta(seconds=1), r"Timedelta .*x\.total_seconds\(\)"),
        (table, r"DataFrame .*x\.to_dict\('list'\)"),
        (table["a"], r"Series .*x\.tolist\(\)"),
    ):
        with pytest.raises(TypeError, match=rf"extra is a pandas\..*{advice}"):
            model(extra=value).serialization()
