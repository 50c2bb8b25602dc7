"""The Python client of the Kubeflow Model Registry from when it spoke to an MLMD server itself.

From 0.2.9 on it speaks the registry's own REST API, which is not served here.
"""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.contract

PINS = (
    "model-registry==0.1.2",
    "ml-metadata==1.16.0",
    "absl-py==1.4.0",
    "attrs==21.4.0",
    "grpcio==1.67.1",
    "protobuf==3.20.3",
    "six==1.17.0",
    "typing-extensions==4.15.0",
)


def test_a_model_a_version_and_an_artifact_are_registered_and_read_back(
    official_wheels, client_environment, stack, workspace_name
):
    run = client_environment(*PINS, pythons=("3.10", "3.9"), exactly=True)

    assert run("grpc_model_registry.py", *stack.grpc_target.split(":"), workspace_name) == {
        "same_model": True,
        "again": "Version v1 already exists",
        "model": [workspace_name, "LIVE"],
        "version": ["v1", "ann", "recognises digits", workspace_name],
        "metadata": {"accuracy": 0.1 + 0.2, "epochs": 2**40, "final": True, "note": "naïve 模型 🚀"},
        "artifact": [f"s3://models/{workspace_name}/v1", "onnx", "key", "path"],
        "missing": None,
    }
