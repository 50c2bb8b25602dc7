from __future__ import annotations

import pytest
from click.testing import CliRunner

from kubeflow_metadata.ui.cli import default_rest_url, main


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        (None, None, "http://localhost:8080"),
        ("10.0.0.7", "8080", "http://10.0.0.7:8080"),
        ("fd00::7", "80", "http://[fd00::7]:80"),
    ],
)
def test_rest_is_found_through_the_variables_of_its_service(monkeypatch, host, port, url):
    for name, value in (("HOST", host), ("PORT", port)):
        variable = f"METADATA_SERVICE_SERVICE_{name}"
        monkeypatch.setenv(variable, value) if value else monkeypatch.delenv(variable, raising=False)
    assert default_rest_url() == url


@pytest.mark.parametrize(
    "url", ["localhost:8080", "ftp://h", "http://", "http://h:99999", "http://h:x", "http://h/?a=b"]
)
@pytest.mark.parametrize("flag", ["--rest_url", "--grpc_web_url"])
def test_a_wrong_address_is_refused_with_an_example(flag, url):
    result = CliRunner().invoke(main, [flag, url])
    assert result.exit_code == 2
    assert "is not an address like http://localhost:8080" in result.output


@pytest.mark.parametrize("url", ["http://me:secret@h", "http://secret@h", "me:secret@h:1"])
@pytest.mark.parametrize("flag", ["--rest_url", "--grpc_web_url", "--host", "--allowed_origins", "--allowed_hosts"])
def test_a_password_in_an_address_is_refused_and_not_shown(flag, url):
    result = CliRunner().invoke(main, [flag, url])
    assert result.exit_code == 2
    assert "must not hold a user name or a password" in " ".join(result.output.split())
    assert "secret" not in result.output


def test_help_names_every_flag_in_80_columns():
    result = CliRunner().invoke(main, ["--help"], terminal_width=80)
    assert result.exit_code == 0
    for flag in ("--host", "--port", "--rest_url", "--log_level", "--log_format", "--version"):
        assert flag in result.output
    assert max(map(len, result.output.splitlines())) <= 80
