"""The Artifact Store in a browser, over all servers, with the demo logged."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser

DEMO: dict[str, Any] = {
    "MNIST": {
        "type": "kubeflow.org/alpha/model",
        "version": "v0.0.1",
        "uri": "gcs://my-bucket/mnist",
        "role": "Output of",
        "logged": {"learning_rate": "0.5", "layers": "[10, 3, 1]", "model_type": "neural network"},
    },
    "MNIST-evaluation": {
        "type": "kubeflow.org/alpha/metrics",
        "version": "",
        "uri": "gcs://my-bucket/mnist-eval.csv",
        "role": "Output of",
        "logged": {"accuracy": "0.95", "metrics_type": "validation"},
    },
    "mytable-dump": {
        "type": "kubeflow.org/alpha/data_set",
        "version": "v1.0.0",
        "uri": "file://path/to/dataset",
        "role": "Input of",
        "logged": {"query": "SELECT * FROM mytable"},
    },
}


def demo_row(page: Page, name: str) -> Locator:
    """The row of a demo artifact; other tests may have logged artifacts of the same name in other workspaces."""
    page.get_by_role("textbox", name="Filter artifacts").fill(name)
    page.wait_for_url(re.compile(rf"[?&]q={name}"))
    of_name = page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))
    return of_name.filter(has=page.get_by_role("cell", name="demo", exact=True)).first


def open_demo(page: Page, ui_url: str, name: str) -> None:
    page.goto(f"{ui_url}/metadata/")
    demo_row(page, name).get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)


@pytest.mark.parametrize("name", DEMO)
def test_a_demo_artifact_is_listed_and_opens(stack, page, name):
    wanted = DEMO[name]
    page.goto(f"{stack.ui_url}/metadata/")
    row = demo_row(page, name)
    for cell in (wanted["type"], wanted["version"], "demo", wanted["uri"]):
        expect(row.get_by_role("cell", name=cell, exact=True).first).to_be_visible()

    row.get_by_role("link", name=name, exact=True).click()

    expect(page).to_have_url(re.compile(rf"/metadata/#/artifact_types/{wanted['type']}/artifacts/\d+$"))
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{name}{wanted['version']}")
    expect(page).to_have_title(f"{name} {wanted['version']}".strip() + " · Artifact Store")
    overview = page.get_by_role("region", name="Overview")
    for text in (wanted["type"], wanted["uri"], "demo"):
        expect(overview.get_by_text(text, exact=True)).to_be_visible()
    expect(page.get_by_role("region", name="Executions").get_by_text(wanted["role"])).to_be_visible()
    logged = page.get_by_role("region", name="All metadata")
    for term, value in wanted["logged"].items():
        expect(logged.get_by_text(term, exact=True).locator("xpath=following-sibling::dd")).to_have_text(value)


def test_the_newest_artifact_comes_first_until_a_header_is_clicked(stack, page):
    page.goto(f"{stack.ui_url}/")
    created = page.get_by_role("columnheader", name="Created")
    expect(created).to_have_attribute("aria-sort", "descending")
    times = page.locator("tbody time").evaluate_all("all => all.map((time) => time.dateTime)")
    assert len(times) >= len(DEMO)
    assert times == sorted(times, reverse=True)

    page.get_by_role("columnheader", name="Created").get_by_role("button").click()

    expect(created).to_have_attribute("aria-sort", "ascending")
    times = page.locator("tbody time").evaluate_all("all => all.map((time) => time.dateTime)")
    assert times == sorted(times)


def test_the_list_stays_filtered_on_the_way_back(stack, page):
    open_demo(page, stack.ui_url, "mytable-dump")
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_role("textbox", name="Filter artifacts")).to_have_value("mytable-dump")
    expect(page.get_by_role("link", name="MNIST", exact=True)).to_have_count(0)


def test_a_bookmark_of_upstream_still_leads_to_the_artifact(stack, page):
    open_demo(page, stack.ui_url, "MNIST")
    bookmark = page.url
    page.goto("about:blank")
    page.goto(bookmark)
    expect(page.get_by_role("heading", level=1)).to_contain_text("MNIST")


@pytest.mark.parametrize(
    "address", ["/#/nothing/here", "/metadata/#/artifact_types/kubeflow.org/alpha/model/artifacts/9223372036854775807"]
)
def test_a_wrong_address_says_so_and_leads_to_the_list(stack, page, address):
    page.goto(f"{stack.ui_url}{address}")
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    page.get_by_role("link", name="All artifacts").click()
    expect(page.get_by_role("heading", name="Artifacts", level=1)).to_be_visible()


def test_it_works_in_a_frame_of_the_dashboard(stack, page):
    dashboard = """<!doctype html><script>
      window.said = [];
      addEventListener("message", (message) => said.push(message.data));
    </script><iframe src="/metadata/" width="1200" height="700"></iframe>"""
    page.route(f"{stack.ui_url}/_/metadata/", lambda route: route.fulfill(content_type="text/html", body=dashboard))
    page.goto(f"{stack.ui_url}/_/metadata/")
    expect(page.frame_locator("iframe").get_by_role("heading", name="Artifacts")).to_be_visible()
    assert page.evaluate("said") == [{"type": "iframe-connected"}]


def test_nothing_is_fetched_from_another_host(stack, page):
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    open_demo(page, stack.ui_url, "MNIST")
    assert hosts == {urlsplit(stack.ui_url).netloc}


def test_a_chosen_theme_outlives_a_reload(stack, page):
    background = "getComputedStyle(document.body).backgroundColor"
    page.emulate_media(color_scheme="light")
    page.goto(f"{stack.ui_url}/")
    expect(page.get_by_role("table")).to_be_visible()
    light = page.evaluate(background)
    page.get_by_role("button", name="Colour theme").click()
    page.get_by_role("menuitem", name="Dark").click()
    page.wait_for_function(f"{background} !== {light!r}")
    page.reload()
    expect(page.get_by_role("table")).to_be_visible()
    assert page.evaluate(background) != light


def test_a_narrow_window_needs_no_sideways_scrolling(stack, page):
    page.set_viewport_size({"width": 400, "height": 800})
    sideways = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    page.goto(f"{stack.ui_url}/")
    expect(page.get_by_role("table")).to_be_visible()
    assert not page.evaluate(sideways)
    page.get_by_role("link", name="MNIST", exact=True).first.click()
    expect(page.get_by_role("region", name="All metadata")).to_be_visible()
    assert not page.evaluate(sideways)


def test_the_list_can_be_used_with_the_keyboard(stack, page):
    page.goto(f"{stack.ui_url}/")
    name = page.get_by_role("columnheader", name="Name").get_by_role("button")
    name.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "ascending")
    page.get_by_role("link", name="MNIST", exact=True).first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("MNIST")
