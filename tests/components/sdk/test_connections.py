"""What happens when the network or the backend fails: what is tried again, what never is, and what the user reads."""

from __future__ import annotations

import socket
from itertools import count

import pytest
from kfmd import metadata, openapi_client
from kfmd.openapi_client import (
    AnswerLost,
    ApiClient,
    ApiException,
    BackendUnreachable,
    Configuration,
    MetadataServiceApi,
)
from urllib3.exceptions import InsecureRequestWarning
from urllib3.util import Retry


def connect(address, **settings):
    configuration = Configuration(address)
    for name, value in settings.items():
        setattr(configuration, name, value)
    return MetadataServiceApi(ApiClient(configuration))


@pytest.fixture
def api(backend):
    return connect(backend.address)


@pytest.fixture
def closed_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        # Bound and not listening: connections are refused, and nobody else takes the port.
        yield listener.getsockname()[1]


def connections_waiting(listener):
    listener.setblocking(False)
    for number in count():
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return number
    return None


@pytest.mark.parametrize("prefix", ["{}", "http://{}", "http://{}/", " {} "])
def test_addresses_with_and_without_a_scheme_are_the_same(backend, prefix):
    workspace = metadata.Workspace(prefix.format(backend.address), name="w")
    assert workspace.list() == []
    assert backend.requests[0].headers["Host"] == backend.address


def test_a_backend_behind_a_path_prefix_is_reached(backend):
    metadata.Workspace(f"http://{backend.address}/metadata/", name="w").list()
    assert backend.requests[0].path.startswith("/metadata/api/v1alpha1/artifact_types/")


def test_a_refused_connection_names_the_address_and_what_to_check(closed_port, no_pauses):
    workspace = metadata.Workspace(f"127.0.0.1:{closed_port}", name="w")
    with pytest.raises(BackendUnreachable) as caught:
        metadata.Execution("train", workspace=workspace)
    message = str(caught.value)
    assert f"http://127.0.0.1:{closed_port}/api/v1alpha1/execution_types/" in message
    assert "Connection refused" in message
    assert "kubeflow-metadata status --local" in message
    assert "0x" not in message
    assert caught.value.status == 0
    assert len(no_pauses) == 3
    assert no_pauses == sorted(no_pauses)


@pytest.mark.parametrize(
    ("host", "namespace"),
    [
        ("metadata-service.invalid", "invalid"),
        ("metadata-service.team-a.svc.cluster.invalid", "team-a"),
        ("metadata.example.invalid", "NAMESPACE"),
    ],
)
def test_an_unknown_host_is_said_to_be_unknown_and_its_namespace_is_in_the_hint(no_pauses, host, namespace):
    with pytest.raises(BackendUnreachable) as caught:
        connect(f"{host}:8080").list_artifacts2()
    assert f"kubectl -n {namespace} get deployment" in str(caught.value)


def test_calls_do_not_go_through_a_proxy_of_the_environment(backend, closed_port, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    connect(backend.address).list_artifacts2()
    assert backend.requests


def test_the_number_of_retries_is_the_users(closed_port, no_pauses):
    with pytest.raises(BackendUnreachable):
        connect(f"127.0.0.1:{closed_port}", retries=0).list_artifacts2()
    with pytest.raises(BackendUnreachable):
        connect(f"127.0.0.1:{closed_port}", retries=Retry(1)).list_artifacts2()
    assert no_pauses == []


def test_reading_is_tried_again_when_the_connection_is_lost(backend, api, no_pauses):
    backend.will_answer(hang_up=True, times=2)
    backend.will_answer(body={"artifacts": [{"id": "1"}]})
    assert api.list_artifacts2().artifacts[0].id == "1"
    assert len(backend.requests) == 3


def test_reading_is_tried_again_while_the_backend_is_unavailable(backend, api, no_pauses):
    backend.will_answer(status=503, headers={"Retry-After": "3600"}, times=2)
    assert api.list_artifacts2().artifacts is None
    assert len(backend.requests) == 3
    assert sum(no_pauses) < 60


def test_reading_gives_up_with_the_last_answer(backend, api, no_pauses):
    backend.will_answer(status=503, body={"message": "the database is away"}, times=5)
    with pytest.raises(openapi_client.ServiceException, match=r"503.*the database is away"):
        api.list_artifacts2()
    assert len(backend.requests) == 5


@pytest.mark.parametrize("call", ["create_artifact_type", "update_artifact_type", "create_event"])
def test_writing_is_never_sent_twice_when_the_connection_is_lost(backend, api, call, no_pauses):
    backend.will_answer(hang_up=True)
    with pytest.raises(AnswerLost, match=r"no response arrived: Remote end closed .*\. It may .* was not retried"):
        getattr(api, call)({})
    assert len(backend.requests) == 1
    assert no_pauses == []


def test_writing_goes_on_after_the_backend_closed_an_idle_connection(backend, api):
    backend.will_answer(then_close=True, times=1)
    api.create_event({"artifact_id": "1"})
    assert backend.connection_closed.wait(timeout=10)
    api.create_event({"artifact_id": "2"})
    assert [request.body["artifact_id"] for request in backend.requests] == ["1", "2"]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_writing_is_never_sent_twice_when_the_backend_fails(backend, api, status):
    backend.will_answer(status=status)
    with pytest.raises(openapi_client.ServiceException):
        api.create_event({})
    assert len(backend.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_but_explained(backend, api, status):
    backend.will_answer(status=status, headers={"Location": "https://login.example.com/"})
    with pytest.raises(ApiException, match=r"a redirect to https://login\.example\.com/, which is not followed"):
        api.create_event({})
    assert len(backend.requests) == 1


def test_an_answer_that_takes_too_long_is_neither_waited_for_nor_asked_again(no_pauses):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(BackendUnreachable, match="timed out"):
            connect(address).list_artifacts2(_request_timeout=0.05)
        with pytest.raises(AnswerLost, match="timed out"):
            connect(address, timeout=(1, 0.05)).create_event({})
        assert connections_waiting(silent) == 2
    assert no_pauses == []


def test_calls_have_a_timeout_unless_told_otherwise():
    assert Configuration().timeout == (5.0, 60.0)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, openapi_client.BadRequestException),
        (401, openapi_client.UnauthorizedException),
        (403, openapi_client.ForbiddenException),
        (404, openapi_client.NotFoundException),
        (409, openapi_client.ConflictException),
        (429, ApiException),
        (501, openapi_client.ServiceException),
    ],
)
def test_an_error_carries_the_words_of_the_backend(backend, api, status, kind):
    backend.will_answer(status=status, body={"error": "no such thing", "message": "no such thing", "code": 5})
    with pytest.raises(kind, match=rf"GET http://.*/artifacts/5 returned {status}.*: no such thing$") as caught:
        api.get_artifact("5", "t")
    assert caught.value.status == status
    assert '"code": 5' in caught.value.body
    assert caught.value.headers["Content-Length"]
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"Not Found\n", "Not Found$"), (b"[1]", "404 Not Found$"), (b"", "404 Not Found$"), (b"\xff", "\ufffd")],
)
def test_an_error_without_words_of_the_backend_is_readable(backend, api, body, words):
    backend.will_answer(status=404, body=body)
    with pytest.raises(ApiException, match=words):
        api.list_artifacts2()


def test_a_proxy_carries_the_calls(backend):
    connect("metadata-service.kubeflow:8080", proxy=backend.address).list_artifacts2()
    assert backend.requests[0].path == "http://metadata-service.kubeflow:8080/api/v1alpha1/artifacts"


def test_a_proxy_that_is_not_there_is_an_unreachable_backend(closed_port, no_pauses):
    api = connect("metadata-service.kubeflow:8080", proxy=f"127.0.0.1:{closed_port}")
    with pytest.raises(BackendUnreachable, match="Connection refused"):
        api.create_event({})


def test_a_backend_without_tls_is_said_to_have_none(backend, no_pauses):
    api = connect(f"https://{backend.address}")
    with pytest.raises(BackendUnreachable, match="does not speak https: try the address with http://"):
        api.list_artifacts2()
    with pytest.raises(BackendUnreachable, match="does not speak https"):
        api.create_event({})
    assert no_pauses == []


def test_a_certificate_that_is_not_trusted_ends_the_call_before_anything_is_sent(tls_backend, no_pauses):
    api = connect(f"https://{tls_backend.address}")
    with pytest.raises(BackendUnreachable, match=r"certificate is not trusted.*Configuration\.ssl_ca_cert"):
        api.create_event({})
    assert tls_backend.requests == []
    assert no_pauses == []


def test_a_certificate_of_ones_own_can_be_trusted(tls_backend, certificate):
    api = connect(f"https://{tls_backend.address}", ssl_ca_cert=certificate[0])
    assert api.list_artifacts2().artifacts is None


def test_the_name_in_a_certificate_can_be_told(tls_backend, certificate, no_pauses):
    settings = {"ssl_ca_cert": certificate[0], "assert_hostname": "another.example.com"}
    with pytest.raises(BackendUnreachable, match=r"another\.example\.com"):
        connect(f"https://{tls_backend.address}", **settings).list_artifacts2()


def test_trust_can_be_switched_off_with_a_warning(tls_backend):
    with pytest.warns(InsecureRequestWarning):
        connect(f"https://{tls_backend.address}", verify_ssl=False).list_artifacts2()
