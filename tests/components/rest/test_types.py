"""Artifact types and execution types over HTTP."""

from __future__ import annotations

from urllib.parse import quote

import pytest

CONFLICT = "Type already exists with different properties."


@pytest.fixture(params=["artifact", "execution"])
def noun(request):
    return request.param


def refused(response, status, code, message):
    assert (response.status_code, response.json()) == (status, {"error": message, "message": message, "code": code})


class TestPost:
    def test_creates_the_type_under_exactly_its_name(self, backend, noun, name):
        for exact in (name, name.rpartition("/")[2][:8] + ".Bare", name + " with space", "0" + name):
            body = {"name": exact, "properties": {"s": "STRING", "i": "INT", "d": "DOUBLE"}}
            created = backend.post(f"/{noun}_types", body)[f"{noun}_type"]
            assert created == {"id": created["id"], **body}
            assert backend.get(f"/{noun}_types/{exact}") == {f"{noun}_type": created}

    def test_confirms_the_same_type(self, backend, noun, name):
        body = {"name": name, "properties": {"s": "STRING"}}
        assert backend.post(f"/{noun}_types", body) == backend.post(f"/{noun}_types", body)

    @pytest.mark.parametrize(
        "properties", [{}, {"a": "STRING"}, {"a": "STRING", "b": "STRING"}, {"a": "STRING", "b": "INT", "c": "INT"}]
    )
    def test_refuses_other_properties(self, backend, noun, name, properties):
        stored = backend.post(f"/{noun}_types", {"name": name, "properties": {"a": "STRING", "b": "INT"}})
        refused(backend.call("POST", f"/{noun}_types", {"name": name, "properties": properties}), 409, 6, CONFLICT)
        assert backend.get(f"/{noun}_types/{name}") == stored

    @pytest.mark.parametrize("body", [{}, {"name": ""}, {"properties": {"a": "INT"}}])
    def test_needs_a_name(self, backend, noun, body):
        for verb in ("POST", "PATCH"):
            refused(backend.call(verb, f"/{noun}_types", body), 400, 3, "No type name is specified.")
            assert backend.call(verb, f"/{noun}_types").status_code == 400

    @pytest.mark.parametrize("unknown", ["UNKNOWN", 0, None])
    def test_needs_types_of_properties(self, backend, noun, name, unknown):
        for verb in ("POST", "PATCH"):
            body = {"name": name, "properties": {"a": unknown}}
            refused(backend.call(verb, f"/{noun}_types", body), 400, 3, "Property a is UNKNOWN.")

    def test_names_the_value_that_is_no_type(self, backend, noun, name):
        response = backend.call("POST", f"/{noun}_types", {"name": name, "properties": {"a": "FOO"}})
        assert response.status_code == 400
        assert response.json()["error"] == (
            'body.properties["a"]: unknown value "FOO" for enum ml_metadata.PropertyType'
        )

    def test_a_type_without_properties_shows_none(self, backend, noun, name):
        created = backend.post(f"/{noun}_types", {"name": name})[f"{noun}_type"]
        assert sorted(created) == ["id", "name"]

    @pytest.mark.parametrize(
        "blank", [" ", "\t\n", "\u200b", "\u00a0\u2060 \ufeff", "\u3164", "\u2800", "\u202e", "\ufe0f"]
    )
    def test_refuses_a_name_that_nobody_can_see(self, backend, noun, blank):
        for verb in ("POST", "PATCH"):
            response = backend.call(verb, f"/{noun}_types", {"name": blank})
            assert (response.status_code, response.json()["code"]) == (400, 3)
            assert "is blank" in response.json()["error"]

    def test_takes_a_name_of_which_one_character_can_be_seen(self, backend, noun, name):
        body = {"name": f" \u200b{name}\u3164"}
        assert backend.post(f"/{noun}_types", body)[f"{noun}_type"]["name"] == body["name"]

    def test_keeps_version_description_external_id_and_base_type(self, backend, noun, name):
        body = {
            "name": name,
            "version": "2",
            "description": "d",
            "external_id": name,
            "base_type": "MODEL" if noun == "artifact" else "TRAIN",
        }
        created = backend.post(f"/{noun}_types", body)[f"{noun}_type"]
        assert created == {"id": created["id"], **body}
        assert created in backend.get(f"/{noun}_types")[f"{noun}_types"]
        response = backend.call("POST", f"/{noun}_types", {"name": f"{name}/other", "external_id": name})
        assert (response.status_code, response.json()["code"]) == (409, 6)
        assert "external id" in response.json()["error"]


class TestPatch:
    def test_adds_properties_and_keeps_the_id(self, backend, noun, name):
        before = backend.post(f"/{noun}_types", {"name": name, "properties": {"a": "STRING", "b": "INT"}})[
            f"{noun}_type"
        ]
        properties = {"a": "STRING", "b": "INT", "c": "DOUBLE"}
        after = backend.patch(f"/{noun}_types", {"name": name, "properties": properties})[f"{noun}_type"]
        assert after == {"id": before["id"], "name": name, "properties": properties}
        assert backend.get(f"/{noun}_types/{name}") == {f"{noun}_type": after}

    def test_creates_an_absent_type(self, backend, noun, name):
        created = backend.patch(f"/{noun}_types", {"name": name, "properties": {"a": "INT"}})
        assert backend.get(f"/{noun}_types/{name}") == created

    @pytest.mark.parametrize("properties", [{"b": "INT"}, {"a": "INT", "b": "INT"}, {"b": "INT", "c": "INT"}])
    def test_neither_omits_nor_changes_properties(self, backend, noun, name, properties):
        stored = backend.post(f"/{noun}_types", {"name": name, "properties": {"a": "STRING", "b": "INT"}})
        response = backend.call("PATCH", f"/{noun}_types", {"name": name, "properties": properties})
        refused(response, 409, 6, CONFLICT)
        assert backend.get(f"/{noun}_types/{name}") == stored

    def test_may_repeat_the_id_but_not_another_one(self, backend, noun, name):
        stored = backend.post(f"/{noun}_types", {"name": name})[f"{noun}_type"]
        assert backend.patch(f"/{noun}_types", stored) == {f"{noun}_type": stored}
        response = backend.call("PATCH", f"/{noun}_types", {**stored, "id": "987654321"})
        refused(response, 409, 6, f"Type already exists with id {stored['id']}, not 987654321.")

    def test_of_an_absent_type_may_carry_an_id(self, backend, noun, name):
        created = backend.patch(f"/{noun}_types", {"name": name, "id": "987654321"})[f"{noun}_type"]
        assert created["name"] == name


class TestGet:
    def test_takes_slashes_plain_or_encoded(self, backend, noun, name):
        created = backend.post(f"/{noun}_types", {"name": name})
        assert backend.get(f"/{noun}_types/{name.replace('/', '%2F')}") == created

    @pytest.mark.parametrize(
        "ending", ["model:latest", "artifacts", "artifacts/b", "executions/5", "a/artifacts/b/artifacts", "%2F", "é ?#"]
    )
    def test_any_name_is_addressed_when_it_is_encoded(self, backend, noun, name, ending):
        named = f"{name}/{ending}"
        created = backend.post(f"/{noun}_types", {"name": named})
        encoded = quote(named, safe="")
        assert backend.get(f"/{noun}_types/{encoded}") == created
        node = backend.post(f"/{noun}_types/{encoded}/{noun}s", {})[noun]
        assert node["type_id"] == created[f"{noun}_type"]["id"]
        assert backend.get(f"/{noun}_types/{encoded}/{noun}s") == {f"{noun}s": [node]}
        assert backend.get(f"/{noun}_types/{encoded}/{noun}s/{node['id']}") == {noun: node}

    @pytest.mark.parametrize("path", ["no/such/type", "", "a%20b"])
    def test_an_absent_type_is_not_found(self, backend, noun, path):
        response = backend.call("GET", f"/{noun}_types/{path}")
        assert (response.status_code, response.json()["code"]) == (404, 5)
        assert response.json()["error"] == response.json()["message"] != ""


class TestList:
    def test_has_all_types_in_order_of_their_ids(self, backend, noun, name):
        names = [f"{name}/{n}" for n in (3, 1, 2)]
        for each in names:
            backend.post(f"/{noun}_types", {"name": each})
        listed = backend.get(f"/{noun}_types")[f"{noun}_types"]
        ids = [int(each["id"]) for each in listed]
        assert ids == sorted(ids)
        assert [each["name"] for each in listed if each["name"] in names] == names

    def test_of_a_store_without_types_is_an_empty_object(self, start, scripted):
        with scripted(lambda *_: b"") as target:
            backend = start(target)
            assert backend.call("GET", "/artifact_types").content == b"{}"
            assert backend.call("GET", "/execution_types").content == b"{}"


def test_delete_is_not_implemented(backend, noun):
    refused(
        backend.call("DELETE", f"/{noun}_types/a/b"), 501, 12, f"not implemented error: Delete{noun.capitalize()}Type"
    )


def test_execution_types_keep_their_struct_types(backend, name):
    body = {
        "name": name,
        "input_type": {"dict": {"properties": {"x": {"list": {"element": {"any": {}}}}}}},
        "output_type": {"union_type": {"candidates": [{"simple": {"name": "kubeflow.org/alpha/model"}}, {"none": {}}]}},
    }
    created = backend.post("/execution_types", body)["execution_type"]
    assert created == {"id": created["id"], **body}
