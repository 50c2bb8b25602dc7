"""Which cluster, and as whom: whatever is wrong with a kubeconfig is one sentence, and nobody becomes anonymous."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.connection import kubeconfig as connecting
from kubeflow_metadata.installer.cluster.connection.kubeconfig import connect
from kubeflow_metadata.installer.cluster.connection.proxies import proxy_for
from kubeflow_metadata.installer.cluster.port import Cluster, UnreachableError
from tests.support.api_server import ApiServer, kubeconfig, running
from tests.support.certificates import Authority
from tests.support.connect_proxy import connecting_to
from tests.support.fake_cluster import FakeClock

Write = Callable[..., Path]


@pytest.fixture
def api_server():
    with running() as server:
        yield server


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a kubeconfig, which is then in use."""

    def write(content: str | dict[str, Any], name: str = "config") -> Path:
        file = tmp_path / name
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        monkeypatch.setenv("KUBECONFIG", str(file))
        return file

    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)
    return write


def problem(context: str | None = None) -> UserError:
    with pytest.raises(UserError) as caught:
        connect(context, "team-a", FakeClock())
    return caught.value


def whole(error: UserError) -> str:
    return f"{error}\n{error.details}\n{error.hint}"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("just some text", "is not a kubeconfig, but plain text"),
        ("- a\n- b\n", "is not a kubeconfig, but a list"),
        ("", "is empty"),
        ("# nothing\n", "is empty"),
        ("users: [\n", "is not valid YAML"),
        ("a: \x00", "is not valid YAML"),
        ("contexts: {}\nclusters: 3\n", "clusters is not a list"),
        ("contexts: [here]", "an entry of contexts is not a name with a context"),
        ("users: [{user: {}}]", "an entry of users is not a name with a user"),
        ("apiVersion: v1\nkind: Config\n", "has no current context"),
    ],
)
def test_a_file_that_is_no_kubeconfig_is_named(write: Write, content: str, said: str) -> None:
    file = write(content)
    error = problem()
    assert said in str(error)
    assert str(file) in str(error)
    assert error.hint


def test_a_file_with_a_mistake_does_not_show_what_is_around_it(write: Write) -> None:
    write("users:\n- name: u\n  user:\n    token: s3cr3t\n   bad: [\n")
    assert "s3cr3t" not in whole(problem())
    assert "line 5" in str(problem())


def test_a_directory_and_a_file_that_is_not_there_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path))
    assert f"{tmp_path}: it is a directory" in str(problem())
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    assert f"{tmp_path / 'none'} does not exist" in str(problem())
    assert "up --local" in problem().hint


def test_a_file_that_may_not_be_read_is_named(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> str:
        raise PermissionError(13, "Permission denied")

    file = write({})
    monkeypatch.setattr(Path, "read_text", refuse)
    assert f"Cannot read the kubeconfig {file}: Permission denied" in str(problem())


def test_binary_is_not_taken_for_text(write: Write) -> None:
    write("").write_bytes(b"\xff\xfe\x00")
    assert "is not text" in str(problem())


def test_without_a_home_directory_there_is_no_kubeconfig(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("no home")

    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    assert "No kubeconfig" in str(problem())


def test_a_context_can_be_chosen_where_none_is_current(write: Write, api_server: ApiServer) -> None:
    config = kubeconfig(api_server.url)
    del config["current-context"]
    write(config)

    assert "has no current context" in str(problem())
    assert "here" in problem().hint
    assert connect("here", "team-a").context == "here"


def test_a_context_that_names_what_is_not_there_is_refused(write: Write, api_server: ApiServer) -> None:
    for section, kind in (("clusters", "cluster"), ("users", "user")):
        file = write({**kubeconfig(api_server.url), section: []})
        assert f"names the {kind} '{kind[0]}', which is not in the kubeconfig" in str(problem())
        assert str(file) in str(problem())
    assert api_server.requests == []


def test_several_files_are_merged_and_the_first_one_wins(
    write: Write, api_server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api_server.token = "right"
    first = kubeconfig("http://127.0.0.1:9", user={"token": "right"})
    first["clusters"], first["contexts"] = None, None
    second = kubeconfig(api_server.url, user={"token": "wrong"})
    second["current-context"] = "nowhere"
    files = [tmp_path / "none", write(first, "first"), write(second, "second")]
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, files)))

    assert connect(None, "team-a").version() == "v1.33.1+k3s1"


@pytest.mark.parametrize("server", ["", "localhost:6443", "https://", "ftp://a"])
def test_a_cluster_without_a_proper_address_is_refused(write: Write, server: str) -> None:
    write(kubeconfig(server))
    assert "has no address of a server" in str(problem())


def test_a_password_in_the_address_is_refused_and_not_shown(write: Write) -> None:
    write(kubeconfig("https://me:s3cr3t@127.0.0.1"))
    assert "s3cr3t" not in whole(problem())


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ({"token": ""}, "has no usable credentials"),
        ({"token-file": "x"}, "has no usable credentials"),
        ({"tokenFile": "gone"}, "gone: No such file or directory"),
        ({"client-certificate": "gone", "client-key": "gone"}, "gone: No such file or directory"),
        ({"client-certificate-data": "%%%", "client-key-data": "%%%"}, "is not valid base64"),
        ({"client-certificate-data": "YQ==", "client-key-data": "YQ=="}, "cannot be used"),
        ({"client-key-data": "YQ=="}, "has a client-key and no client-certificate"),
        ({"auth-provider": {"name": "gcp"}}, "which kubectl removed"),
        ({"auth-provider": {"name": "oidc", "config": {"id-token": "x"}}}, "auth-provider oidc"),
        ({"exec": {"command": "no-such-plugin", "apiVersion": "client.authentication.k8s.io/v1"}}, "is not installed"),
        ({"exec": {"command": "aws"}}, "is incomplete"),
        ({"token": "a", "as": "b", "as-groups": ["c", "d"]}, "impersonates"),
    ],
)
def test_credentials_that_cannot_be_used_are_never_left_out(
    write: Write, api_server: ApiServer, user: dict[str, Any], said: str
) -> None:
    file = write(kubeconfig(api_server.url, user=user))
    error = problem()
    assert said in str(error)
    assert str(file) in whole(error)
    assert api_server.requests == []  # not as nobody either


@pytest.mark.parametrize("user", [{}, None])
def test_an_empty_entry_is_asked_for_as_anonymous(write: Write, api_server: ApiServer, user: Any) -> None:
    config = kubeconfig(api_server.url)
    config["users"][0]["user"] = user
    write(config)
    connect(None, "team-a")
    assert {each.authorization for each in api_server.requests} == {""}


def test_each_kind_of_credentials_arrives(write: Write, api_server: ApiServer, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file\n")
    basic = base64.b64encode(b"me:pass").decode()
    for user, sent in (
        ({"token": "plain"}, "Bearer plain"),
        ({"tokenFile": "token"}, "Bearer from-a-file"),  # relative to the kubeconfig
        ({"token": "old", "tokenFile": "token"}, "Bearer from-a-file"),
        ({"username": "me", "password": "pass"}, f"Basic {basic}"),
    ):
        write(kubeconfig(api_server.url, user=user))
        connect(None, "team-a")
        assert api_server.requests[-1].authorization == sent


def test_nothing_is_written_to_the_home_directory(
    write: Write, api_server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(kubeconfig(api_server.url, user={"token": "a"}))
    before = sorted(tmp_path.iterdir())
    for home in (tmp_path, tmp_path / "not-there"):
        monkeypatch.setenv("HOME", str(home))
        assert connect(None, "team-a").version()
    assert sorted(tmp_path.iterdir()) == before


def test_who_acts_as_another_is_sent(write: Write, api_server: ApiServer) -> None:
    write(kubeconfig(api_server.url, user={"token": "a", "as": "eve", "as-groups": ["ops"]}))
    connect(None, "team-a")
    headers = api_server.requests[-1].headers
    assert (headers["Impersonate-User"], headers["Impersonate-Group"]) == ("eve", "ops")


def test_a_token_in_a_file_is_read_again(write: Write, api_server: ApiServer, tmp_path: Path) -> None:
    token, clock = tmp_path / "token", FakeClock()
    token.write_text("first")
    write(kubeconfig(api_server.url, user={"tokenFile": str(token)}))
    cluster = connect(None, "team-a", clock)
    token.write_text("second")
    cluster.version()
    assert api_server.requests[-1].authorization == "Bearer first"
    clock.sleep(61)
    cluster.version()
    assert api_server.requests[-1].authorization == "Bearer second"


def plugin(tmp_path: Path, script: str, **more: Any) -> dict[str, Any]:
    """The exec section of a plugin in Python, which counts how often it runs in a file ``runs``."""
    file = tmp_path / "plugin"
    counted = f"import json, os, sys\nruns = {str(tmp_path / 'runs')!r}\nopen(runs, 'a').write('x')\n"
    file.write_text(f"#!{sys.executable}\n{counted}count = len(open(runs).read())\n{script}")
    file.chmod(0o755)
    section = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(file), "interactiveMode": "Never"}
    return {"exec": {**section, **more}}


DONE = """
print(json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}))
"""


def test_a_plugin_is_given_what_it_asks_for(write: Write, api_server: ApiServer, tmp_path: Path) -> None:
    script = """
asked = json.loads(os.environ["KUBERNETES_EXEC_INFO"])["spec"]
status = {"token": "/".join([sys.argv[1], os.environ["REGION"], asked["cluster"]["server"]])}
"""
    user = plugin(
        tmp_path, script + DONE, args=["login"], env=[{"name": "REGION", "value": "eu"}], provideClusterInfo=True
    )
    write(kubeconfig(api_server.url, user=user))
    connect(None, "team-a")
    assert api_server.requests[-1].authorization == f"Bearer login/eu/{api_server.url}"


def test_a_plugin_runs_again_when_its_token_expires(write: Write, api_server: ApiServer, tmp_path: Path) -> None:
    script = """
from datetime import datetime, timedelta, timezone
end = datetime.now(timezone.utc) + timedelta(minutes=15 * count)
status = {"token": f"token-{count}", "expirationTimestamp": end.strftime("%Y-%m-%dT%H:%M:%SZ")}
"""
    write(kubeconfig(api_server.url, user=plugin(tmp_path, script + DONE)))
    clock = FakeClock()
    cluster = connect(None, "team-a", clock)
    cluster.version()
    assert api_server.requests[-1].authorization == "Bearer token-1"
    clock.sleep(15 * 60)
    cluster.version()
    assert api_server.requests[-1].authorization == "Bearer token-2"


def test_a_plugin_runs_again_when_its_token_is_rejected(write: Write, api_server: ApiServer, tmp_path: Path) -> None:
    write(kubeconfig(api_server.url, user=plugin(tmp_path, 'status = {"token": f"token-{count}"}' + DONE)))
    cluster = connect(None, "team-a", FakeClock())
    api_server.token = "token-2"
    assert cluster.version() == "v1.33.1+k3s1"
    api_server.token = "none"
    with pytest.raises(UserError, match="Not authenticated"):
        cluster.version()


def test_a_plugin_runs_once_for_all_threads_whose_token_is_rejected(
    write: Write, api_server: ApiServer, tmp_path: Path
) -> None:
    write(kubeconfig(api_server.url, user=plugin(tmp_path, 'status = {"token": f"token-{count}"}' + DONE)))
    cluster = connect(None, "team-a", FakeClock())
    api_server.token = "token-2"
    with ThreadPoolExecutor(8) as threads:
        versions = [each.result() for each in [threads.submit(cluster.version) for _ in range(8)]]
    assert versions == 8 * ["v1.33.1+k3s1"]
    assert (tmp_path / "runs").read_text() == "xx"


@pytest.mark.parametrize(
    ("script", "said", "detail"),
    [
        ("sys.exit('not logged in: run login')", "failed (exit code 1)", "not logged in: run login"),
        ("print('s3cr3t')", "printed no credentials", ""),
        ("print('{}')", "printed no credentials", ""),
        ("status = {}" + DONE, "neither a token nor a certificate", ""),
        (DONE.replace("/v1", "/v1beta1").replace("status}", "{}}"), "not client.authentication.k8s.io/v1", ""),
        ("print('x' * 5000, file=sys.stderr)\nsys.exit(3)", "failed (exit code 3)", "xxx"),
    ],
)
def test_a_plugin_that_fails_shows_why(
    write: Write, api_server: ApiServer, tmp_path: Path, script: str, said: str, detail: str
) -> None:
    write(kubeconfig(api_server.url, user=plugin(tmp_path, script)))
    error = problem()
    assert said in str(error)
    assert detail in error.details
    assert len(error.details) < 4000
    assert "s3cr3t" not in whole(error)
    assert api_server.requests == []


def test_a_plugin_that_is_missing_says_how_to_install_it(write: Write, api_server: ApiServer) -> None:
    section = {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-plugin"}
    write(kubeconfig(api_server.url, user={"exec": {**section, "installHint": "brew install it"}}))
    assert "brew install it" in problem().details


class TestTls:
    @pytest.fixture
    def authority(self, tmp_path: Path) -> Authority:
        return Authority(tmp_path)

    def connected(self, server: ApiServer, write: Write, **cluster: Any) -> Cluster:
        user = cluster.pop("user", {"token": "a"})
        write(kubeconfig(server.url, user=user, **cluster))
        return connect(None, "team-a", FakeClock())

    def problem(self, server: ApiServer, write: Write, **cluster: Any) -> UserError:
        with pytest.raises(UnreachableError) as caught:
            self.connected(server, write, **cluster)
        assert server.url in str(caught.value)
        assert not isinstance(caught.value.__cause__, UserError)
        return caught.value

    def test_a_trusted_certificate_is_no_problem(self, authority: Authority, write: Write) -> None:
        data = base64.b64encode(authority.certificate.read_bytes()).decode()
        with running(authority.issue("127.0.0.1")) as server:
            assert self.connected(server, write, **{"certificate-authority": "ca.crt"}).version()
            assert self.connected(server, write, **{"certificate-authority-data": data}).version()

    def test_each_distrust_has_its_own_sentence(self, authority: Authority, write: Write, tmp_path: Path) -> None:
        ca = {"certificate-authority": "ca.crt"}
        with running(authority.issue("127.0.0.1", days=-1, file="old")) as server:
            assert "has expired" in str(self.problem(server, write, **ca))
        with running(authority.issue("127.0.0.1", days=6, file="new")) as server:
            assert "is not valid yet" in str(self.problem(server, write, **ca))
        with running(authority.issue("example.com")) as server:
            error = self.problem(server, write, **ca)
            assert "is for another name" in str(error)
            assert "tls-server-name" in error.hint
            assert self.connected(server, write, **ca, **{"tls-server-name": "example.com"}).version()
        Authority(tmp_path, "other")
        with running(authority.issue("127.0.0.1")) as server:
            error = self.problem(server, write, **{"certificate-authority": "other.crt"})
            assert "is not signed by a trusted CA" in str(error)
            assert str(tmp_path / "config") in error.hint
            assert "is not signed by a trusted CA" in str(self.problem(server, write))

    def test_verification_can_be_switched_off_as_kubectl_does(self, authority: Authority, write: Write) -> None:
        with running(authority.issue("example.com", days=-1)) as server:
            assert self.connected(server, write, **{"insecure-skip-tls-verify": True}).version()

    def test_plain_http_where_tls_is_expected_is_said(self, api_server: ApiServer, write: Write) -> None:
        write(kubeconfig(api_server.url.replace("http://", "https://"), user={"token": "a"}))
        assert "does not speak TLS" in str(problem())

    def test_a_client_certificate_arrives_and_a_foreign_one_is_rejected(
        self, authority: Authority, write: Write, tmp_path: Path
    ) -> None:
        key, certificate = authority.issue("me")
        user = {"client-certificate": str(certificate), "client-key": str(key)}
        ca = {"certificate-authority": "ca.crt"}
        with running(authority.issue("127.0.0.1"), client_ca=authority.certificate) as server:
            assert self.connected(server, write, user=user, **ca).version()
            other_key, other = Authority(tmp_path, "other").issue("eve")
            foreign = {"client-certificate": str(other), "client-key": str(other_key)}
            write(kubeconfig(server.url, user=foreign, **ca))
            error = problem()
            assert "ended the TLS handshake" in str(error)
            assert "rejected the client certificate" in error.hint

    def test_a_certificate_that_a_plugin_prints_arrives(
        self, authority: Authority, write: Write, tmp_path: Path
    ) -> None:
        key, certificate = authority.issue("me")
        script = (
            f'status = {{"clientCertificateData": open({str(certificate)!r}).read(), '
            f'"clientKeyData": open({str(key)!r}).read()}}'
        )
        with running(authority.issue("127.0.0.1"), client_ca=authority.certificate) as server:
            user = plugin(tmp_path, script + DONE)
            assert self.connected(server, write, user=user, **{"certificate-authority": "ca.crt"}).version()

    def test_a_key_of_another_certificate_is_refused_before_anything_is_asked(
        self, authority: Authority, write: Write
    ) -> None:
        key, _ = authority.issue("a")
        _, certificate = authority.issue("b")
        with running() as server:
            write(kubeconfig(server.url, user={"client-certificate": str(certificate), "client-key": str(key)}))
            assert "key values mismatch" in str(problem())

    def test_a_ca_that_is_none_is_named(self, write: Write) -> None:
        file = write(kubeconfig("https://127.0.0.1:9", user={"token": "a"}, **{"certificate-authority-data": "YQ=="}))
        assert "The CA certificate of cluster c" in str(problem())
        assert str(file) in str(problem())


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        ("http://127.0.0.1:9", "connection refused"),
        ("https://no-such-host.invalid", "its name cannot be resolved"),
    ],
)
def test_a_server_that_does_not_respond_is_named_with_the_reason(write: Write, server: str, reason: str) -> None:
    file = write(kubeconfig(server, user={"token": "a"}))
    error = problem()
    assert str(error) == f"The cluster does not respond: {reason} ({server})."
    assert str(file) in error.hint


def test_a_proxy_that_does_not_respond_is_named_without_its_password(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:s3cr3t@127.0.0.1:9")
    write(kubeconfig("https://example.invalid", user={"token": "a"}))
    error = problem()
    assert "The proxy http://127.0.0.1:9 does not connect to https://example.invalid" in str(error)
    assert "s3cr3t" not in whole(error)


def test_the_proxy_of_the_kubeconfig_comes_before_that_of_the_environment(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:7")
    monkeypatch.setenv("NO_PROXY", "example.invalid")
    write(kubeconfig("https://example.invalid", user={"token": "a"}, **{"proxy-url": "http://127.0.0.1:9"}))
    assert "The proxy http://127.0.0.1:9" in str(problem())


def test_a_proxy_is_asked_for_the_server_with_the_password_in_its_address(
    write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    with (
        running(authority.issue("api.example.invalid")) as server,
        connecting_to(server.server_address[1]) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:p%40ss@127.0.0.1:{proxy.port}")
        address = "https://api.example.invalid:6443"
        write(kubeconfig(address, user={"token": "a"}, **{"certificate-authority": "ca.crt"}))
        cluster = connect(None, "team-a")
        assert cluster.version() == "v1.33.1+k3s1"
        assert cluster.proxy == f"http://127.0.0.1:{proxy.port}"
        assert proxy.asked_for[0] == "api.example.invalid:6443"
        assert proxy.authorizations == {f"Basic {base64.b64encode(b'me:p@ss').decode()}"}


@pytest.mark.parametrize(
    ("server", "exceptions", "is_used"),
    [
        ("https://example.com", "", True),
        ("https://example.com", "example.com", False),
        ("https://a.example.com", ".example.com", False),
        ("https://example.org", "example.com,*.org2", True),
        ("https://10.1.2.3:6443", "10.0.0.0/8", False),
        ("https://11.1.2.3", "10.0.0.0/8", True),
        ("https://example.com", "*", False),
        ("https://127.0.0.1:6443", "", False),
        ("https://[::1]:6443", "", False),
        ("https://localhost:6443", "", False),
        ("http://example.com", "", False),
    ],
)
def test_no_proxy_is_read_as_kubectl_does(
    monkeypatch: pytest.MonkeyPatch, server: str, exceptions: str, is_used: bool
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "proxy:3128")
    monkeypatch.setenv("NO_PROXY", exceptions)
    assert proxy_for(server) == ("http://proxy:3128" if is_used else None)


class TestInAPod:
    @pytest.fixture
    def account(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
        monkeypatch.setattr(connecting, "SERVICE_ACCOUNT", tmp_path)
        (tmp_path / "token").write_text("of-the-pod")
        return tmp_path

    def test_the_service_account_is_used(self, account: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        authority = Authority(account)
        with running(authority.issue("127.0.0.1")) as server:
            monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
            monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.server_address[1]))
            cluster = connect(None, "team-a")
            assert cluster.options == "-n team-a"
            assert server.requests[-1].authorization.lower() == "bearer of-the-pod"

    def test_a_context_that_is_asked_for_needs_a_kubeconfig(
        self, account: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "9")
        assert "No kubeconfig" in str(problem("here"))

    def test_a_service_account_without_a_ca_is_an_error(self, account: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "9")
        assert "Cannot use the service account of this pod" in str(problem())
