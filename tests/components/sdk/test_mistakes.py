"""Slips of the pen: refused or understood, in words that say what to type. And passwords, which no words show."""

from __future__ import annotations

import base64
import logging
import socket

import pytest
from kfmd import metadata
from kfmd.openapi_client import (
    AnswerLost,
    ApiClient,
    ApiException,
    ApiTypeError,
    BackendUnreachable,
    Configuration,
    MetadataServiceApi,
)

from tests.support.servers import answering


@pytest.fixture
def workspace(backend):
    return metadata.Workspace(backend.address, name="ws1")


@pytest.fixture
def execution(workspace):
    return metadata.Execution("train", workspace=workspace)


@pytest.mark.parametrize(
    ("kind", "misspelt", "meant"),
    [
        (metadata.Model, "nmae", "name"),
        (metadata.Model, "url", "uri"),
        (metadata.Model, "desc", "description"),
        (metadata.Model, "descripton", "description"),
        (metadata.Model, "hyperparameter", "hyperparameters"),
        (metadata.Model, "hyper_parameters", "hyperparameters"),
        (metadata.Model, "hyperparams", "hyperparameters"),
        (metadata.Model, "modelType", "model_type"),
        (metadata.Model, "label", "labels"),
        (metadata.DataSet, "Version", "version"),
        (metadata.DataSet, "querry", "query"),
        (metadata.Metrics, "value", "values"),
        (metadata.Metrics, "metric_type", "metrics_type"),
        (metadata.Metrics, "dataset_id", "data_set_id"),
    ],
)
def test_a_misspelt_argument_is_answered_by_the_one_that_was_meant(kind, misspelt, meant):
    complaint = rf"{kind.__name__}: unknown argument '{misspelt}': did you mean '{meant}'\? .*x\.{misspelt} = "
    with pytest.raises(TypeError, match=complaint):
        kind(**{"name": "n", "uri": "u", misspelt: "x"})


@pytest.mark.parametrize(
    "own",
    ["epoch", "notes", "rounds", "accuracy", "layers", "model_uri", "uri2", "framework", "batch_size", "date", "size"],
)
def test_a_property_of_ones_own_is_no_misspelling(own):
    for kind in (metadata.DataSet, metadata.Model, metadata.Metrics):
        assert getattr(kind(name="n", uri="u", **{own: 5}), own) == 5


@pytest.mark.parametrize(
    ("make", "arguments", "complaint"),
    [
        (
            metadata.Workspace,
            {"backend_url": "h"},
            "Workspace: unknown argument 'backend_url': expected one of backend_url_pre",
        ),
        (metadata.Workspace, {"lables": {}}, "Workspace: unknown argument 'lables': did you mean 'labels'"),
        (metadata.Run, {"wrokspace": 1}, "Run: unknown argument 'wrokspace': did you mean 'workspace'"),
        (
            metadata.Execution,
            {"descripton": "d"},
            "Execution: unknown argument 'descripton': did you mean 'descrip",
        ),
        (
            metadata.Execution,
            {"id": "5"},
            "Execution: unknown argument 'id': expected one of name, workspace, run, descript",
        ),
    ],
)
def test_an_unknown_argument_is_answered_by_those_that_there_are(make, arguments, complaint):
    with pytest.raises(TypeError, match=complaint):
        make(**arguments)


def test_a_misspelt_option_of_a_call_is_answered_by_the_one_that_was_meant(workspace):
    with pytest.raises(ApiTypeError, match=r"'request_timeout': did you mean '_request_timeout'\?"):
        workspace.client.list_artifacts2(request_timeout=5)


@pytest.mark.parametrize("kind", [metadata.DataSet, metadata.Model, metadata.Metrics])
def test_a_class_in_place_of_an_object_is_refused_with_how_to_make_one(execution, kind):
    name = kind.__name__
    with pytest.raises(TypeError, match=rf"the class {name} itself: log an instance, {name}\(name=\.\.\., uri="):
        execution.log_output(kind)


def test_several_artifacts_at_once_are_refused(execution):
    with pytest.raises(TypeError, match=r"cannot log the list \[Model\(.*as a whole: log each artifact in it"):
        execution.log_output([metadata.Model(name="n", uri="u")])


def test_a_list_of_a_class_is_understood(workspace, execution):
    digits = execution.log_input(metadata.DataSet(name="digits", uri="gs://d"))
    assert [fields["id"] for fields in workspace.list(metadata.DataSet)] == [digits.id]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("Model", r"metadata\.Model\.ARTIFACT_TYPE_NAME, 'kubeflow\.org/alpha/model'"),
        ("models", r"metadata\.Model\.ARTIFACT_TYPE_NAME"),
        ("DataSet", r"metadata\.DataSet\.ARTIFACT_TYPE_NAME"),
        ("metric", r"metadata\.Metrics\.ARTIFACT_TYPE_NAME"),
        ("kubeflow.org/alpha/modle", r"metadata\.Model\.ARTIFACT_TYPE_NAME"),
        ("my.org/v1/reprot", r"'my\.org/v1/report'"),
    ],
)
def test_a_list_of_a_type_that_does_not_exist_names_the_one_that_was_meant(workspace, given, meant):
    workspace.client.create_artifact("my.org/v1/report", {"uri": "u"})
    with pytest.raises(ValueError, match=rf"no artifact type named '{given}'\. Did you mean {meant}"):
        workspace.list(given)


def test_a_list_of_an_unheard_of_type_names_those_that_there_are(workspace):
    with pytest.raises(ValueError, match=r"named 'xyz'\. Its types are: kubeflow\.org/alpha/data_set, kubeflow"):
        workspace.list("xyz")
    for wrong in (5, workspace, ["Model"]):
        with pytest.raises(TypeError, match="the type must be a name or a class, such as"):
            workspace.list(wrong)


def test_a_type_without_artifacts_of_this_workspace_is_an_empty_list(workspace):
    workspace.client.create_artifact("my.org/v1/report", {"uri": "u"})
    assert workspace.list("my.org/v1/report") == workspace.list() == []


PRINTED = [
    "{}/api/v1alpha1/artifacts",
    "{}/api/v1alpha1/",
    "{}/api/v1alpha1",
    "http://{}/api/v1/artifacts",
    "{}//",
    "{}/",
]


@pytest.mark.parametrize("printed", PRINTED)
def test_an_address_that_leads_into_the_api_means_the_backend(backend, printed):
    address = printed.format(backend.address)
    assert metadata.Workspace(address, name="w").list() == []
    MetadataServiceApi(ApiClient(Configuration(address))).list_artifacts2()
    first, second = (request.path for request in backend.requests)
    assert first.startswith("/api/v1alpha1/artifact_types/")
    assert second == "/api/v1alpha1/artifacts"


def test_a_path_in_front_of_the_api_stays():
    assert Configuration("https://host/metadata/api/v1alpha1/artifacts").base_url == "https://host/metadata"
    assert Configuration("https://host/api/v1alpha2").base_url == "https://host/api/v1alpha2"


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        (
            "http://127.0.0.1:3000/metadata/#/artifacts",
            "omit everything after '[?]' or '#': 'http://127.0.0.1:3000/metadata'",
        ),
        ("127.0.0.1:8080?x=1", "omit everything after '[?]' or '#': 'http://127.0.0.1:8080'"),
        ("8080", "write '127.0.0.1:8080' for a port of this machine"),
        (8080, "write '127.0.0.1:8080' for a port of this machine"),
        ("grpc://127.0.0.1:9090", "write it like '127.0.0.1:8080'"),
        ("http://a b", "write it like '127.0.0.1:8080'"),
    ],
)
def test_an_address_of_something_else_is_refused_with_how_to_write_it(address, hint):
    with pytest.raises(ValueError, match=f"is not the address of a metadata backend: {hint}"):
        metadata.Workspace(address, name="w")


@pytest.fixture
def speaks_another_protocol():
    """A port whose server answers anything in HTTP/2, as gRPC does."""
    with answering(b"\x00\x00\x18\x04\x00\x00\x00\x00\x00\x00\x04\x00\x3f\xff\xff\x00\n") as port:
        yield f"127.0.0.1:{port}"


def test_the_port_of_the_grpc_server_is_told_from_that_of_rest(speaks_another_protocol, no_pauses):
    workspace = metadata.Workspace(speaks_another_protocol, name="w")
    for call in (workspace.list, lambda: metadata.Execution("e", workspace=workspace)):
        with pytest.raises(BackendUnreachable) as caught:
            call()
        message = str(caught.value)
        assert message.isprintable()
        assert message.endswith(
            "the server does not speak HTTP/1.1. It may be the gRPC server: use the address of the REST "
            "backend, on a laptop 127.0.0.1:8080, in a cluster metadata-service.NAMESPACE:8080."
        )


def test_an_address_without_a_port_is_said_to_have_none(monkeypatch, no_pauses):
    monkeypatch.setattr(
        "urllib3.util.connection.create_connection",
        lambda *_, **__: (_ for _ in ()).throw(ConnectionRefusedError(111, "no")),
    )
    with pytest.raises(
        BackendUnreachable, match=r"The address names no port: the REST backend's is 8080\. Is it running"
    ):
        metadata.Workspace("127.0.0.1", name="w").list()


def test_a_path_without_a_backend_is_said_to_have_none(backend, workspace):
    backend.will_answer(status=404, body=b"Not Found\n")
    with pytest.raises(ApiException, match=r"no metadata backend at this path; check the address: GET http://.*404"):
        workspace.client.list_artifacts2()


def test_proxies_of_the_environment_are_not_asked(backend, workspace, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert metadata.Workspace(backend.address, name="w").list() == []


SECRET = "s3cr@t/pass wörd"
QUOTED = "s3cr%40t%2Fpass%20w%C3%B6rd"


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_a_password_in_the_address_is_used_and_never_shown(backend, no_pauses, caplog):
    caplog.set_level(logging.DEBUG)
    workspace = metadata.Workspace(f"http://me:{QUOTED}@{backend.address}/", name="w")
    assert workspace.list() == []
    assert backend.requests[0].headers["Authorization"] == basic("me", SECRET)
    assert backend.requests[0].headers["Host"] == backend.address
    backend.will_answer(status=404, body=b"nothing here")
    backend.will_answer(body=b"<html>")
    backend.will_answer(status=302, headers={"Location": "/login"})
    shown = [repr(workspace), repr(workspace.client), repr(workspace.client.api_client.configuration)]
    for _ in range(3):
        with pytest.raises(ApiException) as caught:
            workspace.client.list_artifacts2()
        shown += [str(caught.value), repr(caught.value)]
    shown.append(caplog.text)
    assert not any(part in text for text in shown for part in (QUOTED, SECRET, "s3cr"))


def test_a_password_is_not_shown_when_nothing_answers(no_pauses):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        workspace = metadata.Workspace(f"me:{QUOTED}@127.0.0.1:{listener.getsockname()[1]}", name="w")
        with pytest.raises(BackendUnreachable) as caught:
            workspace.list()
    assert "s3cr" not in str(caught.value) + repr(caught.value)


def test_a_header_of_ones_own_goes_before_the_password_in_the_address(backend):
    client = ApiClient(Configuration(f"http://me:pw@{backend.address}"), "authorization", "Bearer me")
    MetadataServiceApi(client).list_artifacts2()
    sent = {name.lower(): value for name, value in backend.requests[0].headers.items()}
    assert sent["authorization"] == "Bearer me"


@pytest.mark.parametrize(
    "address",
    [
        "ftp://me:s3cret@host",
        "http://me:s3c/ret@host",
        "http://me:80/s3cret@host",
        "http://me:80#s3cret@host",
        "http://me:80?s3cret@host",
        "me:s3c#ret@host",
        "me:s3cret@host:99999",
        "http://me:s3cret@host/?x=1",
        "http://me:s3cret@",
    ],
)
def test_a_refused_address_is_shown_without_its_password(address):
    with pytest.raises(ValueError, match="is not the address") as caught:
        metadata.Workspace(address, name="w")
    assert "ret" not in str(caught.value)
    assert "***@" in str(caught.value)
    assert "ret" not in repr(Configuration(address))


def test_the_password_of_a_proxy_is_used_and_never_shown(backend, no_pauses):
    configuration = Configuration("metadata-service.kubeflow:8080")
    configuration.proxy = f"http://me:{QUOTED}@{backend.address}"
    api = MetadataServiceApi(ApiClient(configuration))
    api.list_artifacts2()
    assert backend.requests[0].headers["Proxy-Authorization"] == basic("me", SECRET)
    backend.will_answer(hang_up=True)
    with pytest.raises(AnswerLost) as caught:
        api.create_event({})
    assert "s3cr" not in str(caught.value)
