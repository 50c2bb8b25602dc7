"""Addresses of servers: never with a password in a message, and asked directly."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from kubeflow_metadata.installer.cli.main import main
from kubeflow_metadata.smoke import checks, neighbours
from kubeflow_metadata.smoke.__main__ import main as smoke
from tests.support.servers import answering

SECRET = "hunter2"


@pytest.mark.parametrize("option", ["--grpc", "--rest", "--ui"])
@pytest.mark.parametrize(
    "address", [f"http://me:{SECRET}@127.0.0.1:1", f"me:{SECRET}@127.0.0.1:1", f"http://{SECRET}@localhost"]
)
def test_the_smoke_test_refuses_an_address_with_a_password_without_showing_it(option, address):
    addresses = {"--grpc": "127.0.0.1:1", "--rest": "http://127.0.0.1:1", "--ui": "http://127.0.0.1:1", option: address}
    done = CliRunner().invoke(smoke, [f"{name}={value}" for name, value in addresses.items()])
    assert done.exit_code == 2
    assert SECRET not in done.output
    assert option in done.output


def test_the_installer_refuses_a_registry_with_a_password_without_showing_it():
    done = CliRunner().invoke(main, ["images", "push", f"me:{SECRET}@ghcr.io/me"])
    assert done.exit_code == 1
    assert SECRET not in done.output
    assert "docker login" in done.output


def test_the_installer_refuses_a_kubeconfig_with_a_password_in_the_address_without_showing_it(tmp_path, monkeypatch):
    config = tmp_path / "config"
    document = {
        "current-context": "mine",
        "contexts": [{"name": "mine", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"https://me:{SECRET}@127.0.0.1:9"}}],
        "users": [{"name": "u", "user": {}}],
    }
    config.write_text(json.dumps(document))
    monkeypatch.setenv("KUBECONFIG", str(config))
    for verb in ("up", "status", "smoke", "down"):
        done = CliRunner().invoke(main, [verb])
        assert done.exit_code == 1
        assert SECRET not in done.output
        assert "user name or password" in done.output


@pytest.mark.parametrize("content", [b"", b"\x00\x00\x06\x04\x00", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"])
def test_an_answer_that_is_not_http_is_an_error_like_any_other(content):
    with answering(content) as port, pytest.raises(OSError, match=r"\w"):
        neighbours.get(f"http://127.0.0.1:{port}/", 30)


def test_checks_do_not_go_through_a_proxy(monkeypatch):
    with answering(b"HTTP/1.1 418 from the proxy\r\nContent-Length: 0\r\n\r\n") as proxy:
        for name in ("http_proxy", "https_proxy", "grpc_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        results = checks.run_checks({"grpc": "127.0.0.1:1", "rest": "http://127.0.0.1:1", "ui": "http://127.0.0.1:1"})
    assert len(results) == 6
    assert not any("418" in result.problem or "proxy" in result.problem.lower() for result in results)
    assert all("refused" in result.problem for result in results)
