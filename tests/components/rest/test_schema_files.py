"""JSON Schema files and the types that they define."""

from __future__ import annotations

import asyncio
import json

import jsonschema
import pytest
from referencing import Registry, Resource

from kubeflow_metadata.proto import metadata_store_pb2 as mlmd
from kubeflow_metadata.rest.calls import Calls, Connection
from kubeflow_metadata.rest.predefined import register
from kubeflow_metadata.rest.schema_files import SchemaError, TypeDefinition, load_definitions, packaged_directory
from kubeflow_metadata.rest.store import Store

BASE = "http://github.com/kubeflow/metadata/schema/alpha/"
COMMON = {"name", "create_time", "description", "owner", "__ALL_META__"}
PREDEFINED = {
    ("artifact", "kubeflow.org/alpha/data_set"): COMMON | {"version", "query"},
    ("artifact", "kubeflow.org/alpha/model"): COMMON | {"version", "model_type"},
    ("artifact", "kubeflow.org/alpha/metrics"): COMMON | {"version", "model_id", "data_set_id", "metrics_type"},
    ("execution", "kubeflow.org/alpha/execution"): COMMON | {"executable_id"},
}
PACKAGED = {path: json.loads(path.read_text()) for path in packaged_directory().rglob("*.json")}
NAMED = {"namespace": {"const": "example.org"}, "apiversion": {"const": "v1"}, "kind": {"const": "report"}}


@pytest.fixture
def write(tmp_path):
    def write(name, schema):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(schema if isinstance(schema, str) else json.dumps(schema))
        return tmp_path

    return write


def report(**more):
    return {
        "$id": "http://example.org/report.json",
        "allOf": [{"$ref": f"{BASE}artifacts/artifact.json"}],
        "properties": NAMED,
        **more,
    }


def defined(directory, name="example.org/v1/report"):
    return next(found for found in load_definitions(directory) if found.name == name)


class TestPackaged:
    def test_define_the_predefined_types(self):
        found = {(each.category, each.name): each.properties for each in load_definitions(None)}
        assert {key: set(properties) for key, properties in found.items()} == PREDEFINED
        assert all(kind == mlmd.STRING for properties in found.values() for kind in properties.values())

    def test_have_unique_ids_that_end_with_their_paths(self):
        assert len({schema["$id"] for schema in PACKAGED.values()}) == len(PACKAGED)
        for path, schema in PACKAGED.items():
            assert schema["$id"].endswith("/" + path.relative_to(packaged_directory()).as_posix())

    @pytest.mark.parametrize("path", PACKAGED, ids=lambda path: path.stem)
    def test_have_examples_that_validate(self, path):
        registry = Registry().with_resources(
            (schema["$id"], Resource.from_contents(schema)) for schema in PACKAGED.values()
        )
        schema = PACKAGED[path]
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema, registry=registry)
        assert schema["examples"]
        for example in schema["examples"]:
            validator.validate(example)
            for required in schema["required"]:
                assert not validator.is_valid({key: example[key] for key in example if key != required})


class TestUserSchemas:
    def test_extend_the_packaged_ones_and_come_beside_them(self, write):
        directory = write("deep/report.json", report(properties={**NAMED, "pages": {"type": "integer"}}))
        found = defined(directory)
        assert found.category == "artifact"
        assert found.properties["pages"] == mlmd.INT
        assert set(found.properties) == COMMON | {"version", "pages"}
        assert len(load_definitions(directory)) == 5

    @pytest.mark.parametrize("keyword", ["const", "constant"])
    def test_may_spell_constants_both_ways(self, write, keyword):
        constants = {key: {keyword: value["const"]} for key, value in NAMED.items()}
        assert defined(write("report.json", report(properties=constants)))

    def test_give_simple_properties_only(self, write):
        properties = {
            **NAMED,
            "s": {"type": "string"},
            "i": {"type": "integer"},
            "n": {"type": "number"},
            "b": {"type": "boolean"},
            "a": {"type": "array"},
            "o": {"type": "object"},
            "e": {"enum": ["x"]},
            "l": {"type": ["string", "null"]},
            "id": {"type": "string"},
            "uri": {"type": "string"},
        }
        found = defined(write("report.json", report(properties=properties))).properties
        assert {key: found[key] for key in found if key not in COMMON | {"version"}} == {
            "s": mlmd.STRING,
            "i": mlmd.INT,
            "n": mlmd.DOUBLE,
        }

    def test_later_entries_override_earlier_ones_and_own_properties_all(self, write):
        entries = [
            {"$ref": f"{BASE}artifacts/artifact.json"},
            {"properties": {"a": {"type": "integer"}, "b": {"type": "integer"}, "kind": {"const": "first"}}},
            {"properties": {"a": {"type": "number"}, "b": {"type": "number"}, "kind": {"const": "second"}}},
        ]
        own = {"namespace": {"const": "example.org"}, "apiversion": {"const": "v1"}, "a": {"type": "string"}}
        found = defined(write("r.json", report(allOf=entries, properties=own)), "example.org/v1/second").properties
        assert (found["a"], found["b"]) == (mlmd.STRING, mlmd.DOUBLE)

    def test_may_refer_relatively_and_into_a_file(self, write):
        shared = {"$id": "http://example.org/shared.json", "$defs": {"x": {"properties": {"p": {"type": "string"}}}}}
        write("shared.json", shared)
        entries = [{"$ref": f"{BASE}artifacts/artifact.json"}, {"$ref": "shared.json#/$defs/x"}]
        assert "p" in defined(write("report.json", report(allOf=entries))).properties

    def test_replace_a_packaged_one_of_the_same_id(self, write):
        model = next(schema for schema in PACKAGED.values() if schema["title"] == "Model")
        changed = {**model, "properties": {**model["properties"], "license": {"type": "string"}}}
        assert "license" in defined(write("model.json", changed), "kubeflow.org/alpha/model").properties

    def test_of_another_category_define_nothing(self, write):
        properties = {**NAMED, "category": {"const": "container"}}
        assert len(load_definitions(write("box.json", report(properties=properties)))) == 4

    @pytest.mark.parametrize(
        ("schema", "reason"),
        [
            ("{", "invalid JSON"),
            ("[" * 100_000, "invalid JSON"),
            ("[]", "a schema must be a JSON object"),
            ({}, 'missing "$id"'),
            ({**report(), "allOf": []}, 'missing constant "category"'),
            ({**report(), "allOf": [{"$ref": "http://example.org/none.json"}]}, "matches no loaded schema"),
            ({**report(), "allOf": [{"$ref": "#/nowhere"}]}, "matches no loaded schema"),
            ({**report(), "allOf": [{"$ref": "#"}]}, "circular reference"),
            ({**report(), "allOf": 5}, '"allOf" must be a list'),
            ({**report(), "properties": []}, '"properties" must map names'),
            ({**report(), "$ref": 5}, '"$ref" must be a string'),
        ],
    )
    def test_that_are_broken_are_named(self, write, schema, reason):
        directory = write("broken.json", schema)
        with pytest.raises(SchemaError) as refused:
            load_definitions(directory)
        assert str(refused.value).startswith(str(directory / "broken.json"))
        assert reason in str(refused.value)

    def test_need_ids_and_types_of_their_own(self, write):
        write("a.json", report())
        with pytest.raises(SchemaError, match=r"b\.json: its \$id"):
            load_definitions(write("b.json", report()))
        with pytest.raises(SchemaError, match=r"is already defined by"):
            load_definitions(write("b.json", {**report(), "$id": "http://example.org/other.json"}))

    def test_need_a_directory(self, tmp_path):
        with pytest.raises(SchemaError, match="no such directory"):
            load_definitions(tmp_path / "none")


MODEL = "/artifact_types/kubeflow.org/alpha/model"


class TestRegistration:
    def test_of_an_extended_type_leaves_it_extended(self, start, store):
        with store() as target:
            first = start(target)
            stored = first.get(MODEL)["artifact_type"]
            extended = {**stored, "properties": {**stored["properties"], "export_dir": "STRING"}}
            first.patch("/artifact_types", extended)
            assert start(target).get(MODEL) == {"artifact_type": extended}

    def test_of_a_type_that_grew_adds_its_properties(self, start, store):
        with store() as target:
            old = TypeDefinition("artifact", "kubeflow.org/alpha/model", {"name": mlmd.STRING})
            before = start(target, [old]).get(MODEL)["artifact_type"]
            after = start(target).get(MODEL)["artifact_type"]
            assert after["id"] == before["id"]
            assert set(after["properties"]) == PREDEFINED["artifact", "kubeflow.org/alpha/model"]

    def test_goes_on_past_a_type_that_differs(self, start, store):
        with store() as target:
            other = TypeDefinition("artifact", "kubeflow.org/alpha/model", {"name": mlmd.INT})
            before = start(target, [other]).get(MODEL)
            backend = start(target)
            assert backend.get(MODEL) == before
            assert backend.get("/execution_types/kubeflow.org/alpha/execution")

    def test_by_two_servers_at_once_is_fine(self, start, store):
        async def both(target):
            channels = [Connection(target, 2**20, 2**20) for _ in range(2)]
            stores = [Store(Calls(channel, 30)) for channel in channels]
            try:
                return await asyncio.gather(*(register(each, load_definitions(None)) for each in stores))
            finally:
                for channel in channels:
                    await channel.close()

        with store() as target:
            assert asyncio.run(both(target)) == [4, 4]
            listed = start(target, []).get("/artifact_types")["artifact_types"]
        assert len({each["name"] for each in listed}) == len(listed)

    def test_waits_for_a_store_that_comes_later(self, start, store, eventually):
        with store() as target:
            pass
        backend = start(target, until="/healthz")
        eventually(lambda: "does not respond" in backend.client.get("/readyz").text)
        with store(target):
            eventually(lambda: backend.client.get("/readyz").status_code == 200)
            assert backend.get(MODEL)
