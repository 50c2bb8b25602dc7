"""Artifacts and executions over HTTP; both kinds behave alike, so most tests run for both."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from kubeflow_metadata.proto import metadata_store_pb2 as mlmd
from kubeflow_metadata.proto.metadata_store_service_pb2 import GetArtifactsRequest, GetArtifactsResponse

PROPERTIES = {"s": "STRING", "i": "INT", "d": "DOUBLE", "b": "BOOLEAN", "j": "STRUCT", "p": "PROTO"}


@dataclass(frozen=True)
class Kind:
    noun: str
    missing: str
    # What the store adds by itself.
    added: dict[str, str]

    @property
    def title(self):
        return self.noun.capitalize()

    @property
    def types(self):
        return f"/{self.noun}_types"

    def nodes(self, type_name):
        return f"{self.types}/{type_name}/{self.noun}s"

    def declare(self, backend, name):
        return int(backend.post(self.types, {"name": name, "properties": PROPERTIES})[f"{self.noun}_type"]["id"])

    def create(self, backend, name, body=None):
        return backend.post(self.nodes(name), body or {})[self.noun]


@pytest.fixture(
    params=[
        Kind("artifact", "internal error: expecting single new Artifact id, got instead : []", {"uri": ""}),
        Kind("execution", "internal error: expecting single Execution, got instead : []", {}),
    ],
    ids=lambda kind: kind.noun,
)
def kind(request):
    return request.param


def without_times(node):
    return {name: value for name, value in node.items() if not name.endswith("_since_epoch")}


def refused(response, status, code, message):
    assert response.headers["content-type"] == "application/json"
    assert (response.status_code, response.json()) == (status, {"error": message, "message": message, "code": code})


class TestCreate:
    def test_answers_with_what_is_stored(self, backend, kind, name):
        type_id = kind.declare(backend, name)
        properties = {
            "s": {"string_value": "<a&b>\0🙂"},
            "i": {"int_value": str(2**63 - 1)},
            "d": {"double_value": 1e-7},
            "b": {"bool_value": False},
            "j": {"struct_value": {"a": [None, {"b": 1}]}},
            "p": {"proto_value": {"type_url": "a/b.C", "value": "AP8="}},
        }
        custom = {"cs": {"string_value": ""}, "ci": {"int_value": str(-(2**63))}, "cd": {"double_value": 1e308}}
        created = kind.create(backend, name, {"properties": properties, "custom_properties": custom})
        assert without_times(created) == {
            "id": created["id"],
            "type_id": str(type_id),
            "type": name,
            **kind.added,
            "properties": properties,
            "custom_properties": custom,
        }
        assert backend.get(f"{kind.nodes(name)}/{created['id']}") == {kind.noun: created}

    def test_needs_no_body(self, backend, kind, name):
        type_id = kind.declare(backend, name)
        response = backend.call("POST", kind.nodes(name))
        created = response.json()[kind.noun]
        assert without_times(created) == {"id": created["id"], "type_id": str(type_id), "type": name, **kind.added}
        assert created["create_time_since_epoch"] == created["last_update_time_since_epoch"]

    def test_ignores_the_type_in_the_body(self, backend, kind, name):
        type_id = kind.declare(backend, name)
        assert kind.create(backend, name, {"type_id": "1"})["type_id"] == str(type_id)

    def test_keeps_names_and_external_ids_which_nobody_else_may_have(self, backend, kind, name):
        kind.declare(backend, name)
        given = {"name": f"n {name}", "external_id": f"e {name}"}
        created = kind.create(backend, name, given)
        assert {**created, **given} == created
        for key, value in given.items():
            response = backend.call("POST", kind.nodes(name), {key: value})
            assert (response.status_code, response.json()["code"]) == (409, 6)
            assert "same name and type, or the same external id" in response.json()["error"]

    @pytest.mark.parametrize("field", ["name", "external_id"])
    def test_refuses_names_that_a_database_would_cut(self, backend, kind, name, field):
        kind.declare(backend, name)
        response = backend.call("POST", kind.nodes(name), {field: "x" * 256})
        assert (response.status_code, response.json()["code"]) == (400, 3)
        assert "256 characters; at most 255" in response.json()["error"]

    def test_may_be_of_a_version_of_a_type(self, backend, kind, name):
        kind.declare(backend, name)
        typed = {"name": name, "version": "v 2"}
        created = backend.post(kind.types, typed)[f"{kind.noun}_type"]
        assert created == {"id": created["id"], **typed}
        path = f"{kind.nodes(name)}?version=v%202"
        node = backend.post(path, {})[kind.noun]
        assert node["type_id"] == created["id"]
        assert backend.get(path) == {f"{kind.noun}s": [node]}
        assert backend.get(f"/{kind.noun}s?name={name}&version=v%202") == {f"{kind.noun}s": [node]}
        assert backend.get(kind.nodes(name)) == {}
        assert backend.get(f"{kind.types}/{name}?version=v%202") == {f"{kind.noun}_type": created}
        assert backend.call("GET", f"{kind.types}/{name}?version=none").status_code == 404

    def test_refuses_an_id(self, backend, kind, name):
        kind.declare(backend, name)
        message = f"id should remain unspecified when creating {kind.title}"
        for number in ("5", 0):
            refused(backend.call("POST", kind.nodes(name), {"id": number}), 400, 3, message)

    def test_refuses_an_unknown_type(self, backend, kind, name):
        response = backend.call("POST", kind.nodes(name), {})
        assert (response.status_code, response.json()["code"]) == (404, 5)
        assert response.json()["error"].startswith(
            f'failed to resolve {kind.title}Type under "{kind.noun}_types/{name}": '
        )

    def test_refuses_an_unknown_property(self, backend, kind, name):
        kind.declare(backend, name)
        body = {"properties": {"x": {"string_value": "a"}}}
        refused(backend.call("POST", kind.nodes(name), body), 400, 3, "Found unknown property: x")

    @pytest.mark.parametrize("value", [{"int_value": "1"}, {"double_value": 1}, {}, None, {"bool_value": True}])
    def test_refuses_a_value_of_another_type(self, backend, kind, name, value):
        kind.declare(backend, name)
        body = {"properties": {"s": value}}
        refused(backend.call("POST", kind.nodes(name), body), 400, 3, "Found unmatched property type: s")

    @pytest.mark.parametrize("value", [{}, None, {"struct_value": None}])
    def test_refuses_a_custom_property_without_value(self, backend, kind, name, value):
        # The official store aborts its process when it is given one.
        kind.declare(backend, name)
        body = {"custom_properties": {"c": value}}
        refused(backend.call("POST", kind.nodes(name), body), 400, 3, "Found unmatched property type: c")

    def test_refuses_what_is_not_json(self, backend, kind, name):
        kind.declare(backend, name)
        response = backend.call("POST", kind.nodes(name), content=b"{")
        assert (response.status_code, response.json()["code"]) == (400, 3)
        assert response.json()["error"].startswith("invalid JSON: ")


def test_an_artifact_has_a_uri(backend, name):
    backend.post("/artifact_types", {"name": name})
    created = backend.post(f"/artifact_types/{name}/artifacts", {"uri": "gs://a/b?c=d&e"})["artifact"]
    assert created["uri"] == "gs://a/b?c=d&e"


def test_an_artifact_has_a_state(backend, name):
    backend.post("/artifact_types", {"name": name})
    for value in mlmd.Artifact.State.DESCRIPTOR.values:
        state = value.name
        created = backend.post(f"/artifact_types/{name}/artifacts", {"state": state})["artifact"]
        assert created["state"] == state
    response = backend.call("POST", f"/artifact_types/{name}/artifacts", {"state": "ALIVE"})
    assert (response.status_code, response.json()["code"]) == (400, 3)
    assert 'body.state: unknown value "ALIVE"' in response.json()["error"]


def test_an_execution_has_a_state(backend, name):
    backend.post("/execution_types", {"name": name})
    for state in ("UNKNOWN", "NEW", "RUNNING", "COMPLETE", "FAILED", "CACHED", "CANCELED"):
        created = backend.post(f"/execution_types/{name}/executions", {"last_known_state": state})["execution"]
        assert created["last_known_state"] == state


class TestGet:
    def test_does_not_care_for_the_type_in_the_path(self, backend, kind, name):
        kind.declare(backend, name)
        created = kind.create(backend, name)
        for path in ("anything/at/all", "x", ""):
            assert backend.get(f"{kind.nodes(path)}/{created['id']}") == {kind.noun: created}

    def test_a_missing_one_is_not_found(self, backend, kind):
        refused(backend.call("GET", f"{kind.nodes('x')}/{2**62}"), 404, 5, kind.missing)

    @pytest.mark.parametrize("number", ["x", "", "-1", "1.5", "%20", str(2**63), "9" * 5000, "٣"])
    def test_an_id_is_a_number(self, backend, kind, number):
        response = backend.call("GET", f"{kind.nodes('a/b')}/{number}")
        assert (response.status_code, response.json()["code"]) == (400, 3)
        message = response.json()["error"]
        assert message.startswith(f'malformed {kind.title} name "{kind.noun}_types/a/b/{kind.noun}s/')
        assert message.endswith(f'Must match pattern "{kind.noun}_types/.*/{kind.noun}s/([0-9]+)"')


class TestList:
    def test_of_an_empty_store_is_an_empty_object(self, start, kind):
        empty = start()
        assert empty.call("GET", f"/{kind.noun}s").content == b"{}"
        assert empty.call("GET", kind.nodes("kubeflow.org/alpha/model")).content == b"{}"

    def test_of_an_unknown_type_is_an_empty_object(self, backend, kind):
        assert backend.call("GET", kind.nodes("no/such/type")).content == b"{}"
        assert backend.call("GET", kind.nodes("")).content == b"{}"

    def test_is_in_order_of_creation_across_pages(self, start, kind, name):
        backend = start()
        kind.declare(backend, name)
        kind.declare(backend, f"{name}/other")
        created = [kind.create(backend, name, {"custom_properties": {"n": {"int_value": n}}}) for n in range(201)]
        other = kind.create(backend, f"{name}/other")
        assert backend.get(kind.nodes(name)) == {f"{kind.noun}s": created}
        assert backend.get(kind.nodes(f"{name}/other")) == {f"{kind.noun}s": [other]}
        assert backend.get(f"/{kind.noun}s") == {f"{kind.noun}s": [*created, other]}

    @pytest.mark.parametrize("count", [1, 99, 100, 101, 200])
    def test_is_whole_at_the_borders_of_pages(self, start, scripted, count):
        def answer(method, request, context):
            if method != "GetArtifacts":
                return b""
            asked = GetArtifactsRequest.FromString(request)
            first = int(asked.options.next_page_token or 0)
            ids = range(first, min(first + 100, count))
            token = str(ids.stop) if ids.stop < count else ""
            page = GetArtifactsResponse(artifacts=[mlmd.Artifact(id=n) for n in ids], next_page_token=token)
            return page.SerializeToString()

        with scripted(answer) as target:
            artifacts = start(target).get("/artifacts")["artifacts"]
        assert artifacts == [{"id": str(n)} for n in range(count)]

    def test_can_be_narrowed_to_a_type(self, backend, kind, name):
        kind.declare(backend, name)
        created = kind.create(backend, name)
        for asked in (name, f"{kind.noun}_types/{name}"):
            assert backend.call("GET", f"/{kind.noun}s", params={"name": asked}).json() == {f"{kind.noun}s": [created]}
        assert backend.call("GET", f"/{kind.noun}s?name=no/such/type").content == b"{}"
        everything = backend.get(f"/{kind.noun}s")
        assert backend.get(f"/{kind.noun}s?name=") == everything
        assert backend.get(f"/{kind.noun}s?page_size=1&filter=x") == everything


def test_delete_is_not_implemented(backend, kind):
    refused(backend.call("DELETE", f"{kind.nodes('a')}/1"), 501, 12, f"not implemented error: Delete{kind.title}")
