"""Requests as the clients of 2019 send them: what they know of the answers is what it always was."""

from __future__ import annotations

import json

from tests.support.checkout import ROOT

# The fields of that time, in their order.
KNOWN = {
    "artifact": ["id", "type_id", "uri", "properties", "custom_properties"],
    "execution": ["id", "type_id", "last_known_state", "properties", "custom_properties"],
}


def test_the_demo_of_kfmd_is_logged_and_read_back(start):
    backend = start()
    nodes = []
    for request in json.loads((ROOT / "tests/contract/recorded/log-demo.json").read_text()):
        body = request.get("body")
        everything = (body or {}).get("properties", {}).get("__ALL_META__")
        if everything:
            everything["string_value"] = json.dumps(everything["string_value"])
        response = backend.client.request(request["method"], request["path"], json=body)
        assert response.status_code == 200, response.text
        for noun, known in KNOWN.items():
            if noun in response.json():
                node = response.json()[noun]
                nodes.append(node)
                assert {name: node[name] for name in body} == body
                present = [name for name in known if name in node]
                assert list(node)[: len(present)] == present
    assert len(nodes) == 4
    (model,) = backend.get("/artifact_types/kubeflow.org%2Falpha%2Fmodel/artifacts")["artifacts"]
    assert model in nodes
    events = backend.get("/events/executions/1")
    assert [event["type"] for event in events["events"]] == ["INPUT", "OUTPUT", "OUTPUT"]
    assert list(events["artifacts"].values()) == nodes[1:]
    assert events["executions"] == {"1": nodes[0]}
