"""The command line itself: help, mistakes, and what it does not import."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from kubeflow_metadata.installer.cli.main import main

HEAVY = {"kubernetes", "grpc", "pydantic", "yaml", "jinja2", "rich", "psutil", "kfmd", "httpx"}
HEAVY |= {
    "kubeflow_metadata.installer.local",
    "kubeflow_metadata.installer.cluster",
    "kubeflow_metadata.installer.model",
}


def run(*arguments):
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize("arguments", [["--help"], ["up", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments):
    script = f"""
import json, sys
sys.argv = ["installer", *{arguments!r}]
from kubeflow_metadata.installer.cli.main import main
try:
    main()
except SystemExit as end:
    assert end.code == 0
sys.stderr.write(json.dumps(sorted(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    imported = set(json.loads(done.stderr))
    assert not HEAVY & imported


def test_help_names_every_verb_and_fits_80_columns():
    shown = run("--help").output
    for verb in main.list_commands(click.Context(main)):
        assert f"\n  {verb} " in shown
        assert all(len(line) <= 80 for line in run(verb, "--help").output.splitlines())


def test_a_misspelt_verb_or_option_is_suggested():
    assert "Did you mean 'status'?" in run("statu").output
    assert "--rest-port" in run("up", "--local", "--restport", "1").output


@pytest.mark.parametrize("verb", ["up", "status", "smoke", "down"])
def test_without_a_kubeconfig_each_verb_says_what_to_type(verb, tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    done = run(verb)
    assert done.exit_code == 1
    assert "KUBECONFIG" in done.output
    assert "up --local" in done.output
    assert "Traceback" not in done.output


def test_a_context_that_is_not_there_is_named_with_those_that_are(tmp_path, monkeypatch):
    config = tmp_path / "config"
    contexts = [{"name": "mine", "context": {"cluster": "c", "user": "u"}}]
    server = {"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}
    document = {"contexts": contexts, "clusters": [server], "users": [{"name": "u", "user": {}}]}
    config.write_text(json.dumps({"current-context": "mine", **document}))
    monkeypatch.setenv("KUBECONFIG", str(config))

    done = run("status", "--context", "other")
    assert done.exit_code == 1
    assert "no context 'other'" in done.output
    assert "mine" in done.output
    unreachable = run("status")
    assert unreachable.exit_code == 3, "nobody knows how it is"
    assert "does not respond" in unreachable.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["up", "--local", "-f", __file__], "--file cannot be used with --local"),
        (["up", "--local", "-n", "foo"], "--namespace cannot be used with --local"),
        (["up", "--rest-port", "8080"], "--rest-port requires --local"),
        (["down", "--data-dir", "/tmp"], "--data-dir requires --local"),
        (["up", "-n", "Not_A_Name"], "is not a valid namespace"),
    ],
)
def test_options_of_the_other_kind_of_installation_are_refused(arguments, said):
    done = run(*arguments)
    assert done.exit_code == 64
    assert said in done.output


def test_render_writes_an_overlay_or_a_values_file(tmp_path):
    for engine, name in (("kustomize", "kustomization.yaml"), ("helm", "values.yaml")):
        done = run("render", str(tmp_path), "--set", "grpc.replicas=2", "--engine", engine)
        assert done.exit_code == 0, done.output
        assert "2" in (tmp_path / name).read_text()
        assert str(tmp_path / name) in done.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["up", "--local", "--rest-port", "0"],
        ["up", "--local", "--rest-port", "65536"],
        ["up", "--local", "--rest-port", "eighty"],
        ["up", "--local", "--rest-port", "8080", "--ui-port", "8080"],
        ["up", "--local", "-o", "yaml"],
        ["logs", "--local", "mysql"],
        ["nothing"],
        ["up", "--nothing"],
        ["history", "--local"],
        ["get", "settings", "--local", "--all"],
        ["completion", "tcsh"],
        ["up", "--local", "--data-dir", __file__],
    ],
)
def test_a_wrong_argument_is_a_usage_error(arguments):
    assert run(*arguments).exit_code == 64


def test_what_needs_running_servers_says_how_to_start_them(tmp_path):
    for verb in ("smoke", "logs"):
        done = run(verb, "--local", "--data-dir", str(tmp_path))
        assert done.exit_code == 1
        assert f"up --local --data-dir {tmp_path}" in done.output


def test_status_of_nothing_is_stopped_and_not_well(tmp_path):
    done = run("status", "--local", "--data-dir", str(tmp_path / "none"), "-o", "json")
    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert document["running"] is False
    assert {server["state"] for server in document["servers"]} == {"stopped"}
    assert not (tmp_path / "none").exists()


def test_down_where_nothing_was_is_no_error(tmp_path):
    done = run("down", "--local", "--data-dir", str(tmp_path / "none"))
    assert done.exit_code == 0
    assert not (tmp_path / "none").exists()


@pytest.fixture
def broken(monkeypatch):
    """A verb that fails as no verb should."""

    def fail(error):
        def status(*_):
            raise error

        monkeypatch.setattr("kubeflow_metadata.installer.verbs.status_local.status_local", status)
        return run("status", "--local")

    monkeypatch.delenv("KFM_DEBUG", raising=False)
    return fail


def test_what_nothing_expected_is_a_sentence_and_no_traceback(broken):
    done = broken(KeyError("some key"))
    assert done.exit_code == 1
    assert "Unexpected error: KeyError: 'some key'" in done.output
    assert "KFM_DEBUG=1" in done.output
    assert "Traceback" not in done.output


def test_a_traceback_is_shown_where_it_is_asked_for(broken, monkeypatch):
    monkeypatch.setenv("KFM_DEBUG", "1")
    done = broken(KeyError("some key"))
    assert done.exit_code == 1
    assert "Traceback" in done.output
    assert "Unexpected error" in done.output


def test_what_the_api_server_sent_is_not_repeated_in_an_unexpected_error(broken):
    from kubernetes.client.exceptions import ApiException

    done = broken(ApiException(status=418, reason="s3cr3t", body="s3cr3t"))
    assert "418" in done.output
    assert "s3cr3t" not in done.output


def test_what_is_interrupted_says_so(broken):
    done = broken(KeyboardInterrupt())
    assert done.exit_code == 130
    assert "Interrupted." in done.output


def test_an_error_decides_what_the_command_exits_with(broken):
    from kubeflow_metadata.installer.cluster.state.lease import LeaseHeldError

    done = broken(LeaseHeldError("somebody holds it"))
    assert done.exit_code == 4
    assert "somebody holds it" in done.output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_what_the_shell_needs(shell):
    done = run("completion", shell)
    assert done.exit_code == 0
    assert "_KUBEFLOW_METADATA_COMPLETE" in done.stdout


def completed(monkeypatch, *words):
    monkeypatch.setenv("_KUBEFLOW_METADATA_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", " ".join(["kubeflow-metadata", *words]))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    done = CliRunner().invoke(main, prog_name="kubeflow-metadata")
    return {line.partition(",")[2] for line in done.output.splitlines() if line}


def test_verbs_options_contexts_and_namespaces_are_completed(tmp_path, monkeypatch):
    config = tmp_path / "config"
    contexts = [{"name": name, "context": {"cluster": "c", "namespace": f"of-{name}"}} for name in ("one", "other")]
    config.write_text(json.dumps({"contexts": contexts}))
    monkeypatch.setenv("KUBECONFIG", str(config))

    assert completed(monkeypatch, "stat") == {"status"}
    assert completed(monkeypatch, "get", "") == {"settings"}
    assert completed(monkeypatch, "status", "--names") == {"--namespace"}
    assert completed(monkeypatch, "status", "--context", "o") == {"one", "other"}
    assert completed(monkeypatch, "status", "-n", "") == {"kubeflow", "of-one", "of-other"}
    config.write_text("no kubeconfig")
    assert completed(monkeypatch, "status", "--context", "o") == set()


# All but what has nothing to do with an installation.
VERBS_OF_INSTALLATIONS = sorted(
    {*main.list_commands(click.Context(main)), "get settings", "dashboard add", "dashboard remove"}
    - {"get", "dashboard", "render", "images", "completion"}
)


@pytest.mark.parametrize("verb", VERBS_OF_INSTALLATIONS)
def test_every_verb_works_on_a_laptop_or_says_why_not(verb):
    shown = run(*verb.split(), "--help").output
    if "--local" not in shown:
        done = run(*verb.split(), "--local")
        assert done.exit_code == 64
        assert "laptop" in done.stderr or "cluster" in done.stderr
