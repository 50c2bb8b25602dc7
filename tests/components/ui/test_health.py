from __future__ import annotations

import httpx
import pytest

pytestmark = pytest.mark.anyio


async def test_healthy_whatever_rest_does(ui, rest):
    rest.fails_with(httpx.ConnectError("refused"))
    assert (await ui.get("/healthz")).status_code == 200


@pytest.mark.parametrize("status", [200, 404])
async def test_ready_once_rest_answers(ui, rest, status):
    rest.answer = lambda _: httpx.Response(status)
    assert (await ui.get("/readyz")).status_code == 200


async def test_not_ready_without_rest(ui, rest):
    rest.fails_with(httpx.ConnectError("Connection refused"))
    answer = await ui.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "reason": "the REST backend does not respond: Connection refused"}


async def test_not_ready_while_rest_fails(ui, rest):
    rest.answer = lambda _: httpx.Response(500)
    answer = await ui.get("/readyz")
    assert (answer.status_code, answer.json()["reason"]) == (503, "the REST backend returned 500")


async def test_requests_are_counted_by_operation_and_status(ui):
    await ui.get("/")
    await ui.get("/metadata/api/v1alpha1/artifacts")
    await ui.request("INVENTED", "/api/v1alpha1/artifacts")
    await ui.get("/nothing")
    text = (await ui.get("/metrics")).text
    for labels in (
        'method="GET",operation="files",status="200"',
        'method="GET",operation="api",status="200"',
        'method="GET",operation="files",status="404"',
        'method="other",operation="api"',
    ):
        assert labels in text
    assert 'kubeflow_metadata_ui_request_seconds_count{operation="api"} 2.0' in text
