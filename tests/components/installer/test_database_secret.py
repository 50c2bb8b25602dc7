"""The initContainer of MySQL: it fills the Secret once, never changes it, and stops where data could be lost."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import threading

import pytest

from kubeflow_metadata.database_secret.api import ApiError, Secrets
from kubeflow_metadata.database_secret.ensure import StopError, ensure_secret, write_credentials
from kubeflow_metadata.database_secret.volume import OURS, SETTING_UP, Volume
from tests.support.certificates import self_signed
from tests.support.secrets_server import secrets_server

NAME = "metadata-db-secrets"
KEYS = {"MYSQL_ROOT_PASSWORD", "MYSQL_USERNAME", "MYSQL_PASSWORD"}
OWN = {"MYSQL_ROOT_PASSWORD": "r", "MYSQL_USERNAME": "metadata", "MYSQL_PASSWORD": "p"}


@pytest.fixture
def api_server():
    """One to which the empty Secret of the manifests was applied."""
    with secrets_server() as server:
        server.client_side_apply(NAME, {})
        yield server


@pytest.fixture
def store(api_server, tmp_path):
    account = tmp_path / "account"
    account.mkdir()
    (account / "token").write_text("a token\n")
    (account / "namespace").write_text("team-a")
    return Secrets(api_server.url, account)


@pytest.fixture
def volume(tmp_path):
    root = tmp_path / "volume"
    root.mkdir()
    return Volume(root)


def ensure(store, volume, **options):
    said = []
    values = ensure_secret(store, NAME, volume, **{"beside_upstream_data": False, "say": said.append, **options})
    return values, said


def set_up_mysql(volume):
    """As MySQL leaves its data directory after its first start."""
    (volume.ours / "ibdata1").write_bytes(b"data")
    (volume.ours / "mysql").mkdir()
    (volume.ours / SETTING_UP).unlink()


def test_the_first_start_fills_the_secret(api_server, store, volume):
    values, said = ensure(store, volume)

    assert values.keys() == KEYS
    assert values["MYSQL_USERNAME"] == "metadata"
    assert all(len(values[key]) >= 32 for key in ("MYSQL_ROOT_PASSWORD", "MYSQL_PASSWORD"))
    assert values == store.read(NAME).values
    assert not any(password in " ".join(said) for password in (values["MYSQL_ROOT_PASSWORD"], values["MYSQL_PASSWORD"]))
    assert {(path, token) for _, path, token in api_server.requests} == {
        (f"/api/v1/namespaces/team-a/secrets/{NAME}", "Bearer a token")
    }
    assert {method for method, _, _ in api_server.requests} == {"GET", "PATCH"}, "what the Role allows"
    assert "labels" not in api_server.secrets[NAME]["metadata"], "nothing by which Argo CD would track and prune it"


def test_two_installations_have_different_passwords(api_server, store, volume):
    first, _ = ensure(store, volume)
    api_server.secrets.clear()
    api_server.client_side_apply(NAME, {})
    second, _ = ensure(store, volume)

    assert first["MYSQL_PASSWORD"] != second["MYSQL_PASSWORD"]
    assert first["MYSQL_ROOT_PASSWORD"] != second["MYSQL_ROOT_PASSWORD"]


def test_later_starts_change_neither_secret_nor_data(store, volume):
    first, _ = ensure(store, volume)
    set_up_mysql(volume)
    second, said = ensure(store, volume)

    assert first == second
    assert (volume.ours / "ibdata1").read_bytes() == b"data"
    assert said == []


def test_a_secret_that_somebody_filled_before_is_used(api_server, store, volume):
    api_server.client_side_apply(NAME, OWN)

    assert ensure(store, volume)[0] == OWN


def test_a_secret_that_was_restored_is_not_emptied_by_applying_the_manifests(api_server, store, volume):
    ensure(store, volume)
    set_up_mysql(volume)
    api_server.secrets.clear()
    api_server.owners.clear()
    api_server.client_side_apply(NAME, OWN)
    ensure(store, volume)

    api_server.client_side_apply(NAME, {})
    assert api_server.values(NAME) == OWN
    for manager in ("kubectl", "kustomize-controller", "helm"):
        api_server.server_side_apply(NAME, {}, manager)
        assert api_server.values(NAME) == OWN


def test_values_that_were_applied_on_the_servers_side_stay_as_well(api_server, store, volume):
    ensure(store, volume)
    restored = dict(api_server.secrets[NAME]["data"])
    api_server.server_side_apply(NAME, restored, "kubectl")
    ensure(store, volume)

    api_server.server_side_apply(NAME, {}, "kubectl")
    assert api_server.secrets[NAME]["data"] == restored


def test_applying_the_empty_secret_again_changes_nothing(api_server, store, volume):
    ensure(store, volume)
    before = api_server.secrets[NAME]["metadata"]["resourceVersion"]
    ensure(store, volume)
    api_server.client_side_apply(NAME, {})

    assert api_server.secrets[NAME]["metadata"]["resourceVersion"] == before


def test_a_password_that_changes_while_it_is_read_is_read_again(api_server, store, volume):
    ensure(store, volume)
    rotated = {**OWN, "MYSQL_PASSWORD": "rotated"}
    read = Secrets.read

    class Late(Secrets):
        def read(self, name):
            secret = read(self, name)
            if api_server.values(NAME) != rotated:
                api_server.client_side_apply(NAME, rotated)
            return secret

    assert ensure(Late(store.url, store.account), volume)[0] == rotated
    assert api_server.values(NAME) == rotated


def test_the_users_own_secret_is_only_read(api_server, store, volume):
    api_server.client_side_apply(NAME, OWN)

    assert ensure(store, volume, is_theirs=True)[0] == OWN
    assert {method for method, _, _ in api_server.requests} == {"GET"}


@pytest.mark.parametrize("state", ["absent", "empty"])
def test_the_users_own_secret_is_never_filled(api_server, store, volume, state):
    if state == "absent":
        api_server.secrets.clear()

    with pytest.raises(StopError, match=f"no Secret {NAME}" if state == "absent" else "is empty") as caught:
        ensure(store, volume, is_theirs=True)
    assert "MYSQL_ROOT_PASSWORD, MYSQL_USERNAME, MYSQL_PASSWORD" in caught.value.hint
    assert not volume.ours.exists()


def test_without_the_secret_of_the_manifests_none_is_made(api_server, store, volume):
    api_server.secrets.clear()

    with pytest.raises(StopError, match="There is no Secret") as caught:
        ensure(store, volume)
    assert "apply them again" in caught.value.hint
    assert api_server.secrets == {}


def test_pods_that_race_agree(store, volume):
    results = []
    barrier = threading.Barrier(8)

    def start():
        barrier.wait()
        results.append(ensure(store, volume)[0])

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(results) == 8
    assert all(values == results[0] for values in results)


@pytest.mark.parametrize("state", ["absent", "empty"])
def test_data_without_the_secrets_values_stops_and_names_the_way_back(api_server, store, volume, state):
    ensure(store, volume)
    set_up_mysql(volume)
    api_server.secrets.clear()
    if state == "empty":
        api_server.client_side_apply(NAME, {})

    with pytest.raises(StopError, match="its passwords are lost") as caught:
        ensure(store, volume)
    assert "Recovering from a lost Secret" in caught.value.hint
    assert not any(secret["data"] for secret in api_server.secrets.values()), "no new password that would not fit"
    assert (volume.ours / "ibdata1").read_bytes() == b"data"


def test_a_set_up_that_was_cut_off_begins_again(store, volume):
    first, _ = ensure(store, volume)
    (volume.ours / "ibdata1").write_bytes(b"half")
    (volume.ours / "mysql").mkdir()
    second, said = ensure(store, volume)

    assert first == second
    assert "interrupted" in said[0]
    assert [entry.name for entry in volume.ours.iterdir()] == [SETTING_UP]


@pytest.mark.parametrize("place", ["datadir", "."])
def test_data_of_upstream_is_named_and_left_untouched(api_server, store, volume, place):
    data = volume.root / place
    data.mkdir(exist_ok=True)
    (data / "ibdata1").write_bytes(b"theirs")

    with pytest.raises(StopError, match="data of another MySQL") as caught:
        ensure(store, volume)
    assert "Migrating from upstream's manifests" in caught.value.hint
    assert api_server.values(NAME) == {}
    assert not volume.ours.exists()
    assert (data / "ibdata1").read_bytes() == b"theirs"


def test_beside_data_of_upstream_only_where_it_is_asked_for(store, volume):
    (volume.root / "datadir").mkdir()
    (volume.root / "datadir" / "ibdata1").write_bytes(b"theirs")
    ensure(store, volume, beside_upstream_data=True)
    set_up_mysql(volume)
    ensure(store, volume)

    assert (volume.root / "datadir" / "ibdata1").read_bytes() == b"theirs"
    assert volume.has_data()


def test_what_file_systems_leave_is_no_data(store, volume):
    (volume.root / "lost+found").mkdir()
    volume.ours.mkdir()
    (volume.ours / "lost+found").mkdir()

    assert ensure(store, volume)[0].keys() == KEYS


@pytest.mark.parametrize("missing", sorted(KEYS))
def test_a_secret_that_lacks_a_key_is_named(api_server, store, volume, missing):
    api_server.client_side_apply(NAME, {key: value for key, value in OWN.items() if key != missing})

    with pytest.raises(StopError, match=f"lacks {missing}"):
        ensure(store, volume)


def test_root_is_no_user_for_servers(api_server, store, volume):
    api_server.client_side_apply(NAME, {**OWN, "MYSQL_USERNAME": "root"})

    with pytest.raises(StopError, match="a user other than root"):
        ensure(store, volume)


def test_an_api_server_that_is_busy_is_asked_again(api_server, store, volume):
    api_server.refuse = [503, 429]

    assert ensure(store, volume)[0].keys() == KEYS


def test_an_api_server_that_refuses_is_quoted(api_server, store, volume):
    api_server.refuse = [403]

    with pytest.raises(ApiError, match="not now"):
        ensure(store, volume)


def test_an_api_server_that_never_answers_ends_in_a_sentence(store, volume, api_server):
    api_server.refuse = [503] * 100
    impatient = Secrets(store.url, store.account, patience=0)

    with pytest.raises(ApiError, match="does not respond"):
        ensure(impatient, volume)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_api_server_is_asked_directly_whatever_proxy_the_environment_names(
    api_server, store, volume, monkeypatch, tmp_path, scheme
):
    url = api_server.url
    if scheme == "https":
        key, certificate = self_signed(tmp_path, "localhost")
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        api_server.socket = tls.wrap_socket(api_server.socket, server_side=True)
        certificate.rename(store.account / "ca.crt")
        url = url.replace("http://127.0.0.1", "https://localhost")
    with secrets_server() as proxy:
        proxy.refuse = [502] * 10
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert ensure(Secrets(url, store.account, patience=0), volume)[0].keys() == KEYS
        assert proxy.requests == []


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"])
def test_what_is_no_answer_of_an_api_server_ends_in_a_sentence(store, volume, answer):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def respond():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=respond)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(ApiError, match=f"The API server at {url} does not respond"):
            ensure(Secrets(url, store.account, patience=0), volume)
        thread.join(60)


def test_mysql_gets_the_values_as_files_that_only_it_can_read(tmp_path):
    for _ in range(2):
        write_credentials(OWN, tmp_path)

    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {
        "root-password": "r",
        "user": "metadata",
        "password": "p",
    }
    assert all(file.stat().st_mode & 0o777 == 0o400 for file in tmp_path.iterdir())
    assert OURS == "kubeflow-metadata", "the StatefulSet mounts this directory"


class TestOutsideOfAPod:
    def run(self, *arguments, **environment):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("KFM_", "KUBERNETES_"))}
        return subprocess.run(
            [sys.executable, "-m", "kubeflow_metadata.database_secret", *arguments],
            env=kept | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    @pytest.mark.parametrize("flag", ["--help", "-h"])
    def test_help_says_what_it_is_and_needs(self, flag):
        done = self.run(flag)
        assert (done.returncode, done.stderr) == (0, "")
        assert "initContainer of the MySQL pod" in done.stdout
        for name in ("KFM_SECRET_NAME", "KFM_SECRET_VOLUME", "KFM_SECRET_CREDENTIALS", "KUBERNETES_SERVICE_HOST"):
            assert name in done.stdout

    def test_what_is_missing_is_named(self):
        done = self.run(KFM_SECRET_NAME="s", KUBERNETES_SERVICE_HOST="::1")
        assert done.returncode == 1
        assert done.stderr.startswith("KFM_SECRET_VOLUME, KFM_SECRET_CREDENTIALS, KUBERNETES_SERVICE_PORT not set: ")
        assert "--help" in done.stderr
        assert "Traceback" not in done.stderr

    def test_so_is_the_token(self, tmp_path):
        done = self.run(
            KFM_SECRET_NAME="s",
            KFM_SECRET_VOLUME=str(tmp_path),
            KFM_SECRET_CREDENTIALS=str(tmp_path),
            KFM_SECRET_API_SERVER="http://127.0.0.1:9",
        )
        assert done.returncode == 1
        assert "serviceaccount/" in done.stderr
        assert "Traceback" not in done.stderr

    def test_an_argument_is_refused(self):
        done = self.run("--name=x")
        assert done.returncode == 2
        assert "unrecognized arguments: --name=x" in done.stderr
