"""The demo: a model, its metrics and its data set, logged with the SDK in a run of a workspace."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.smoke import neighbours

WORKSPACE = "demo"

# Name of each artifact of the demo, by its type.
ARTIFACTS = {
    "kubeflow.org/alpha/data_set": "mytable-dump",
    "kubeflow.org/alpha/model": "MNIST",
    "kubeflow.org/alpha/metrics": "MNIST-evaluation",
}
# What happened to each of them in the demo's execution.
EVENTS = {"mytable-dump": "INPUT", "MNIST": "OUTPUT", "MNIST-evaluation": "OUTPUT"}

_TIMEOUT_SECONDS = 30.0


def log_demo(rest_url: str) -> None:
    """Logs the demo.

    Raises:
        UserError: the SDK is not installed, or the REST backend rejected the demo.
    """
    try:
        from kfmd import metadata
    except ModuleNotFoundError as error:
        raise UserError(
            f"The SDK that logs the demo is not installed: no module {error.name}.",
            hint="Run: pip install kubeflow-metadata-sdk   (in a checkout: pip install ./sdk)",
        ) from error
    try:
        workspace = metadata.Workspace(
            backend_url_prefix=rest_url,
            name=WORKSPACE,
            description="what `up` logs to show that everything works",
        )
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        run = metadata.Run(workspace=workspace, name=f"run-{now}", description="a run of the demo")
        execution = metadata.Execution(
            name=f"training-{now}", workspace=workspace, run=run, description="trains and validates MNIST"
        )
        data_set = execution.log_input(
            metadata.DataSet(
                name="mytable-dump",
                description="the training data",
                owner="data-team@example.org",
                uri="file://path/to/dataset",
                version="v1.0.0",
                query="SELECT * FROM mytable",
            )
        )
        model = execution.log_output(
            metadata.Model(
                name="MNIST",
                description="recognises handwritten digits",
                owner="ml-team@example.org",
                uri="gcs://my-bucket/mnist",
                version="v0.0.1",
                model_type="neural network",
                training_framework={"name": "tensorflow", "version": "v1.0"},
                hyperparameters={"learning_rate": 0.5, "layers": [10, 3, 1], "early_stop": True},
                labels={"stage": "demo"},
            )
        )
        execution.log_output(
            metadata.Metrics(
                name="MNIST-evaluation",
                description="accuracy of MNIST on digits it has not seen",
                owner="ml-team@example.org",
                uri="gcs://my-bucket/mnist-eval.csv",
                data_set_id=data_set.id,
                model_id=model.id,
                metrics_type=metadata.Metrics.VALIDATION,
                values={"accuracy": 0.95},
                labels={"stage": "demo"},
            )
        )
    except Exception as error:
        raise UserError(f"Cannot log the demo: {error}") from error


def find_demo(rest_url: str) -> dict[str, str]:
    """Looks for a complete demo: the three artifacts of one execution, with their events.

    Returns:
        the id of each artifact by its name; empty if there is no complete demo.

    Raises:
        UserError: the REST backend does not answer.
    """
    ids: dict[str, str] = {}
    for type_name, name in ARTIFACTS.items():
        for artifact in _artifacts(rest_url, type_name):
            if _property(artifact, "properties", "name") == name:
                ids[artifact["id"]] = name
    models = [artifact_id for artifact_id, name in ids.items() if name == "MNIST"]
    for model in models:
        for event in _get(rest_url, f"/events/artifacts/{model}").get("events", []):
            events = _get(rest_url, f"/events/executions/{event['execution_id']}").get("events", [])
            by_name = {ids[e["artifact_id"]]: e for e in events if e["artifact_id"] in ids}
            if {name: e["type"] for name, e in by_name.items()} == EVENTS:
                return {name: e["artifact_id"] for name, e in by_name.items()}
    return {}


def _artifacts(rest_url: str, type_name: str) -> Iterator[dict[str, Any]]:
    listed = _get(rest_url, f"/artifact_types/{urllib.parse.quote(type_name, safe='')}/artifacts")
    for artifact in listed.get("artifacts", []):
        if _property(artifact, "custom_properties", "__kf_workspace__") == WORKSPACE:
            yield artifact


def _property(artifact: dict[str, Any], kind: str, name: str) -> object:
    return artifact.get(kind, {}).get(name, {}).get("string_value")


def _get(rest_url: str, path: str) -> dict[str, Any]:
    try:
        document = json.loads(neighbours.get(f"{rest_url}/api/v1alpha1{path}", _TIMEOUT_SECONDS))
    except (OSError, ValueError) as error:
        raise UserError(f"Cannot read from the REST backend {rest_url}: {error}") from error
    return document if isinstance(document, dict) else {}
