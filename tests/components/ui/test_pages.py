from __future__ import annotations

import pytest
from starlette.applications import Starlette

from kubeflow_metadata.ui.app import create_app
from kubeflow_metadata.ui.files import PagesNotBuiltError

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", ["/", "/metadata/", "/index.html", "/metadata/index.html"])
async def test_the_page_is_served_at_the_root_and_under_the_prefix_and_never_stored(ui, path):
    answer = await ui.get(path)
    assert answer.status_code == 200
    assert "Artifact Store" in answer.text
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("prefix", ["", "/metadata"])
async def test_hashed_assets_are_cached_for_good(ui, prefix):
    answer = await ui.get(f"{prefix}/assets/index-abc123.js")
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(("asked", "led_to"), [("/metadata", "metadata/"), ("/metadata?ns=a", "metadata/?ns=a")])
async def test_the_prefix_without_slash_leads_to_it_with_one(ui, asked, led_to):
    answer = await ui.get(asked)
    assert answer.is_redirect
    assert answer.headers["location"] == led_to


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/metadata/nothing",
        "/metadatas",
        "/assets",
        "/assets/",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/metadata/%2e%2e/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/%00",
        "/" + "a" * 5000,
    ],
)
async def test_what_is_no_page_is_not_found(ui, path):
    answer = await ui.get(path)
    assert answer.status_code == 404
    assert "secret" not in answer.text


async def test_pages_are_read_only(ui):
    assert (await ui.post("/", content=b"x")).status_code == 405


@pytest.mark.parametrize("path", ["/", "/metadata/assets/index-abc123.js", "/nothing", "/api/v1alpha1/artifacts"])
async def test_every_answer_limits_what_a_browser_may_do(ui, path):
    headers = (await ui.get(path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'self'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "x-frame-options" not in headers


def test_without_built_pages_the_way_to_build_them_is_named(tmp_path):
    with pytest.raises(PagesNotBuiltError, match="make ui"):
        create_app("http://rest", tmp_path)


def test_the_application_is_made_without_a_running_loop(pages):
    assert isinstance(create_app("http://rest", pages), Starlette)
