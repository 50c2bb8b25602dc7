"""The gRPC port with TLS, clients that prove who they are, and probes that cannot."""

from __future__ import annotations

import grpc
import pytest

from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc
from tests.support.certificates import self_signed
from tests.support.mlmd_server import Server, health_of
from tests.support.servers import unused_port


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A key, and a certificate for localhost that it signed itself."""
    return self_signed(tmp_path_factory.mktemp("tls"), "localhost")


def start(tmp_path, certificate, *flags):
    key, cert = certificate
    database = f"--sqlite_config_filename_uri={tmp_path / 'm.db'}"
    return Server(database, "--grpc_host=localhost", f"--grpc_tls_key={key}", f"--grpc_tls_cert={cert}", *flags)


def types_of(server, credentials):
    with grpc.secure_channel(server.target, credentials) as channel:
        return server.call("GetArtifactTypes", rpc.GetArtifactTypesRequest(), timeout=30, channel=channel)


def test_clients_check_the_certificate_and_plain_text_is_refused(tmp_path, certificate):
    server = start(tmp_path, certificate)
    try:
        trusting = grpc.ssl_channel_credentials(certificate[1].read_bytes())
        assert not types_of(server, trusting).artifact_types
        with pytest.raises(grpc.RpcError) as caught:
            server.call("GetArtifactTypes", rpc.GetArtifactTypesRequest(), timeout=5)
        assert caught.value.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
    finally:
        server.stop()


def test_clients_without_a_certificate_are_refused_where_one_is_asked_for(tmp_path, certificate):
    key, cert = (path.read_bytes() for path in certificate)
    server = start(tmp_path, certificate, f"--grpc_tls_client_ca={certificate[1]}")
    try:
        assert not types_of(server, grpc.ssl_channel_credentials(cert, key, cert)).artifact_types
        with pytest.raises(grpc.RpcError):
            types_of(server, grpc.ssl_channel_credentials(cert))
    finally:
        server.stop()


def test_probes_have_a_port_without_tls(tmp_path, certificate):
    port = unused_port()
    server = start(tmp_path, certificate, f"--health_port={port}")
    try:
        assert health_of(server, "readiness", f"localhost:{port}") == "SERVING"
    finally:
        server.stop()
