"""``open``, ``version`` and ``credentials``."""

from __future__ import annotations

import base64
import json
import webbrowser

import pytest
from click.testing import CliRunner

from kubeflow_metadata.installer.cli.main import main
from kubeflow_metadata.installer.cluster.connection import kubeconfig
from kubeflow_metadata.installer.local import ports
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs.open import Wish, open_store
from kubeflow_metadata.installer.verbs.target import Target
from kubeflow_metadata.parts import DB, GRPC, PARTS, REST, UI
from tests.support.fake_cluster import FakeCluster, pod, workload
from tests.support.servers import unused_port

READY = {"conditions": [{"type": "Ready", "status": "True"}]}
PASSWORD = "it's $ecret"


@pytest.fixture
def cluster(monkeypatch):
    made = FakeCluster()
    monkeypatch.setattr(kubeconfig, "connect", lambda _context, _namespace: made)
    return made


@pytest.fixture
def opened(monkeypatch):
    """The pages that were opened in a browser."""
    pages = []
    monkeypatch.setenv("DISPLAY", ":0")

    def opens_page(url):
        pages.append(url)
        return True

    monkeypatch.setattr(webbrowser, "open", opens_page)
    return pages


def run(*arguments):
    return CliRunner().invoke(main, arguments)


class Until:
    """A clock that presses Ctrl-C after some looks, at each of which the test may do something."""

    def __init__(self, *steps):
        self._steps = list(steps)

    def sleep(self, _seconds):
        if not self._steps:
            raise KeyboardInterrupt
        self._steps.pop(0)()


def opens(wish, *steps):
    with pytest.raises(KeyboardInterrupt):
        open_store(Target(), wish, Terminal(), Until(*steps))


def run_pods(cluster):
    for part in PARTS:
        cluster.pods[f"{part.name}-1"] = pod(f"{part.name}-1", part.name, **READY)


class TestOpen:
    def test_the_store_is_forwarded_and_opened(self, cluster, opened, capsys, monkeypatch):
        run_pods(cluster)
        monkeypatch.setattr(ports, "is_free", lambda _port: True)
        opens(Wish())
        assert opened == ["http://127.0.0.1:3000"]
        shown = capsys.readouterr()
        assert "http://127.0.0.1:3000" in shown.out
        assert "ui-1" in shown.out
        assert "until Ctrl-C" in shown.err
        assert cluster.forwarded == [("ui-1", 3000)]

    def test_other_servers_are_forwarded_too_and_taken_ports_replaced(self, cluster, opened, capsys, monkeypatch):
        run_pods(cluster)
        monkeypatch.setattr(ports, "is_free", lambda port: port != 3000)
        opens(Wish((UI, REST, GRPC), browser=False))
        assert opened == []
        shown = capsys.readouterr()
        assert "Port 3000 is in use: the Artifact Store UI uses 3001." in shown.err
        for address in ("http://127.0.0.1:3001", "http://127.0.0.1:8080", " 127.0.0.1:9090"):
            assert address in shown.out
        assert all(len(line) <= 80 for line in shown.out.splitlines())

    def test_a_port_that_is_asked_for_and_taken_is_an_error(self, cluster, monkeypatch):
        run_pods(cluster)
        monkeypatch.setattr(ports, "is_free", lambda _port: False)
        done = run("open", "--port", "3000")
        assert done.exit_code == 1
        assert "Port 3000 is in use" in done.output

    def test_a_pod_that_is_replaced_is_told_of(self, cluster, opened, capsys):
        run_pods(cluster)

        def replace():
            del cluster.pods["ui-1"]

        def come():
            cluster.pods["ui-2"] = pod("ui-2", "ui", **READY)

        opens(Wish(port=unused_port(), browser=False), replace, lambda: None, come)
        told = [line for line in capsys.readouterr().err.splitlines() if "ui-" in line]
        assert told == [
            "Pod ui-1 is gone; waiting for another one.",
            "Pod ui-1 was replaced.",
            "Forwarding to pod ui-2.",
        ]

    def test_the_server_of_another_installation_is_reached_by_its_service(self, cluster, opened, monkeypatch):
        run_pods(cluster)
        del cluster.pods["grpc-1"]
        selector = {"component": "metadata-grpc-server"}
        service = {"kind": "Service", "metadata": {"name": "metadata-grpc-service"}, "spec": {"selector": selector}}
        cluster.add(service)
        theirs = pod("theirs", "", **READY)
        theirs["metadata"]["labels"] = selector
        cluster.pods["theirs"] = theirs
        monkeypatch.setattr(ports, "is_free", lambda _port: True)
        opens(Wish((UI, GRPC), browser=False))
        assert cluster.forwarded == [("ui-1", 3000), ("theirs", 8080)]

    def test_without_a_display_the_address_is_told(self, cluster, opened, monkeypatch, capsys):
        run_pods(cluster)
        for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr("sys.platform", "linux")
        opens(Wish())
        assert opened == []
        assert "No browser to open here" in capsys.readouterr().err

    def test_where_nothing_is_ready_it_says_what_to_type(self, cluster):
        done = run("open", "--no-browser")
        assert done.exit_code == 1
        assert "No pod of the Artifact Store UI is ready in namespace kubeflow" in done.output
        assert "status --context fake -n kubeflow" in done.output

    def test_on_a_laptop_without_servers_it_says_how_to_start_them(self, tmp_path):
        done = run("open", "--local", "--data-dir", str(tmp_path / "none"))
        assert done.exit_code == 1
        assert "Not running: Artifact Store UI" in done.output
        assert "up --local" in done.output


class TestVersion:
    def test_without_a_cluster_it_is_that_of_the_program(self, tmp_path, monkeypatch):
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
        done = run("version")
        assert done.exit_code == 0
        assert done.output.startswith("client")
        assert "No cluster:" in done.output
        document = json.loads(run("version", "-o", "json").stdout)
        assert document["client"]["version"]
        assert document["installation"] is None
        assert document["reason"]

    def test_with_an_installation_it_is_that_of_each(self, cluster):
        assert "none in namespace kubeflow" in run("version").output
        install(cluster)
        cluster.pods["grpc-1"] = pod("grpc-1", "grpc", **READY)
        ready = {"event": "database ready", "kind": "mysql", "version": "9.7.0", "schema_version": 10}
        cluster.log_of["grpc-1", "grpc", False] = f"no JSON\n{json.dumps(ready)}\nlater"
        document = json.loads(run("version", "-o", "json").stdout)
        assert document["installation"] == {
            "version": "0.0.9",
            "images": ["registry/server:0.0.9"],
            "schema": "10",
            "database": "mysql 9.7.0",
        }
        assert document["kubernetes"] == "v1.31.2"
        shown = run("version").output
        assert "registry/server:0.0.9" in shown
        assert "different versions" in shown
        assert all(len(line) <= 80 for line in shown.splitlines())

    def test_what_cannot_be_known_is_unknown(self, cluster):
        install(cluster)
        document = json.loads(run("version", "-o", "json").stdout)
        assert (document["installation"]["schema"], document["installation"]["database"]) == ("unknown", "unknown")

    def test_on_a_laptop(self, tmp_path):
        done = run("version", "--local", "--data-dir", str(tmp_path / "none"))
        assert done.exit_code == 0
        assert "nothing" in done.output


def install(cluster, secret="metadata-db-secrets"):
    for part in (GRPC, REST, UI):
        made = workload(part.workload, part.name, ready=1)
        made["metadata"]["labels"]["app.kubernetes.io/version"] = "0.0.9"
        volumes = [{"name": "tmp"}, {"name": "database", "secret": {"secretName": secret}}]
        containers = [{"name": part.container, "image": "registry/server:0.0.9"}]
        made["spec"]["template"] = {"spec": {"containers": containers, "volumes": volumes}}
        cluster.add(made)


def bundle(cluster, secret="metadata-db-secrets", **values):
    install(cluster, secret)
    cluster.add(workload(DB.workload, DB.name, ready=1, kind=DB.workload_kind))
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    cluster.add({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret}, "data": data})


class TestCredentials:
    def test_they_are_printed_only_on_request(self, cluster):
        bundle(cluster, MYSQL_USERNAME="me", MYSQL_PASSWORD=PASSWORD)
        refused = run("credentials")
        assert refused.exit_code == 1
        assert PASSWORD not in refused.output
        assert "credentials -n kubeflow --yes" in refused.output

    def test_they_are_lines_for_a_shell_or_json(self, cluster):
        bundle(cluster, MYSQL_USERNAME="me", MYSQL_PASSWORD=PASSWORD)
        done = run("credentials", "--yes")
        assert done.exit_code == 0, done.output
        assert done.stdout.splitlines() == [
            "MYSQL_USER=me",
            "MYSQL_PASSWORD='it'\"'\"'s $ecret'",
            "MYSQL_DATABASE=metadb",
            "MYSQL_HOST=metadata-db.kubeflow",
            "MYSQL_PORT=3306",
        ]
        assert "port-forward service/metadata-db 3306:3306" in done.stderr
        assert PASSWORD not in done.stderr
        document = json.loads(run("credentials", "--yes", "-o", "json").stdout)
        assert document["password"] == PASSWORD

    def test_they_are_read_from_the_secret_in_use(self, cluster):
        bundle(cluster, secret="theirs", MYSQL_USERNAME="me", MYSQL_PASSWORD="x")
        assert "MYSQL_PASSWORD=x" in run("credentials", "--yes").stdout

    def test_without_them_it_says_why(self, cluster):
        assert "Nothing is installed" in run("credentials", "--yes").output
        install(cluster, "mine")
        external = run("credentials", "--yes")
        assert external.exit_code == 1
        assert "external database" in external.output
        assert "get secret mine" in external.output
        bundle(cluster)
        assert "has no MYSQL_USERNAME yet" in run("credentials", "--yes").output
        del cluster.objects["Secret", "metadata-db-secrets"]
        assert "does not exist" in run("credentials", "--yes").output

    def test_a_laptop_has_none(self):
        done = run("credentials", "--local")
        assert done.exit_code == 64
        assert "SQLite" in done.output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(shell):
    done = run("completion", shell)
    assert done.exit_code == 0
    assert "_KUBEFLOW_METADATA_COMPLETE" in done.output
    assert run("completion", "none").exit_code == 64


@pytest.mark.parametrize("verb", [("list",), ("build",), ("load",), ("push", "ghcr.io/me")])
def test_a_laptop_needs_no_images(verb):
    done = run("images", *verb, "--local")
    assert done.exit_code == 64
    assert "without images" in done.output
