"""Versions of the API beside each other."""

from __future__ import annotations

from starlette.responses import JSONResponse

from kubeflow_metadata.rest import app
from kubeflow_metadata.rest.version import Version


def next_version(_store, _admission, _settings):
    async def answer(scope, receive, send):
        await JSONResponse({"path": scope["path"]})(scope, receive, send)

    return answer


def test_each_answers_its_own_paths_and_the_first_all_others(start, monkeypatch):
    following = Version("/api/next", next_version, links={"next": "/api/next"})
    monkeypatch.setattr(app, "VERSIONS", (*app.VERSIONS, following))
    backend = start()
    assert backend.client.get("/api/next").json() == {"path": "/api/next"}
    assert backend.client.get("/api/next/things").json() == {"path": "/api/next/things"}
    assert "artifact_types" in backend.get("/artifact_types")
    assert backend.client.get("/api/nextdoor").text == "Not Found\n"
    assert backend.client.get("/").json()["next"] == "/api/next"
