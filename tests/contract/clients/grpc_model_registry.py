"""Register a model with `model-registry` 0.1 and read it back. Usage: grpc_model_registry.py HOST PORT NAME.

Prints JSON.
"""

import json
import sys
import warnings

from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlpb
from model_registry import ModelRegistry
from model_registry.exceptions import StoreException

host, port, name = sys.argv[1:4]


def texts(*names):
    return dict.fromkeys(names, mlpb.STRING)


# The registry's own server, which spoke MLMD as well, put these at its start.
types = MetadataStore(mlpb.MetadataStoreClientConfig(host=host, port=int(port)))
types.put_context_type(mlpb.ContextType(name="kf.RegisteredModel", properties=texts("description", "state")))
types.put_context_type(
    mlpb.ContextType(name="kf.ModelVersion", properties=texts("description", "state", "model_name", "author"))
)
types.put_artifact_type(
    mlpb.ArtifactType(
        name="kf.ModelArtifact",
        properties=texts(
            "description",
            "model_format_name",
            "model_format_version",
            "storage_key",
            "storage_path",
            "service_account_name",
        ),
    )
)

warnings.simplefilter("ignore")
registry = ModelRegistry(host, int(port), author="ann")


def register(version):
    return registry.register_model(
        name,
        f"s3://models/{name}/{version}",
        version=version,
        model_format_name="onnx",
        model_format_version="1",
        description="recognises digits",
        storage_key="key",
        storage_path="path",
        metadata={"accuracy": 0.1 + 0.2, "epochs": 2**40, "final": True, "note": "naïve 模型 🚀"},
    )


first, second = register("v1"), register("v2")
try:
    register("v1")
    again = "accepted"
except StoreException as error:
    again = str(error)
model = registry.get_registered_model(name)
version = registry.get_model_version(name, "v1")
artifact = registry.get_model_artifact(name, "v1")
json.dump(
    {
        "same_model": first.id == second.id == model.id,
        "again": again,
        "model": [model.name, model.state.value],
        "version": [version.version, version.author, version.description, version.model_name],
        "metadata": version.metadata,
        "artifact": [artifact.uri, artifact.model_format_name, artifact.storage_key, artifact.storage_path],
        "missing": registry.get_registered_model(f"{name} that is not there"),
    },
    sys.stdout,
)
