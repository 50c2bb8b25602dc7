"""What can be logged, and how a stored artifact and its type are named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional, Protocol, Union

from kfmd._checks import require_text
from kfmd._showing import a_type, shown, type_name
from kfmd._values import NotPlainError, plain_scalar
from kfmd.artifacts import Model
from kfmd.openapi_client import MlMetadataArtifact


class Loggable(Protocol):
    """What ``Execution.log_input`` and ``log_output`` take."""

    @property
    def ARTIFACT_TYPE_NAME(self) -> str:  # noqa: N802 - what users call it
        """Name of its type."""
        ...

    id: Optional[str]

    def serialization(self) -> MlMetadataArtifact:
        """The artifact as it is sent."""
        ...


def as_id(value: object) -> Optional[str]:
    """Returns the id that a number, or a string of digits, is."""
    try:
        plain = plain_scalar(value)
    except NotPlainError:
        return None
    if isinstance(plain, bool) or not isinstance(plain, (str, int)):
        return None
    digits = str(plain)
    return digits if digits.isascii() and digits.isdigit() else None


def require_id(owner: str, value: object) -> str:
    """Returns the id that ``value`` is.

    Raises:
        ValueError: when it is none.
    """
    digits = as_id(value)
    if digits is None:
        hint = "leave it None for a new artifact" if "." in owner else f"write {owner}(name=...) for a name"
        raise ValueError(f"{owner}: {shown(value)} is not an id assigned by the backend, such as '5': {hint}")
    return digits


def reference(given: object) -> Optional[str]:
    """Returns the id in what only refers to a stored artifact; None for an artifact itself."""
    if isinstance(given, Mapping):
        return as_id(given.get("id"))
    if isinstance(given, MlMetadataArtifact):
        return as_id(given.id)
    return as_id(given)


def type_name_of(given: Union[str, type[Loggable], None]) -> str:
    """Returns the name of a type that is given as that, as its class, or not at all: then models are meant."""
    if given is None:
        return Model.ARTIFACT_TYPE_NAME
    name = given if isinstance(given, str) else getattr(given, "ARTIFACT_TYPE_NAME", None)
    if not isinstance(name, str):
        raise TypeError(
            "the type must be a name or a class, such as Model.ARTIFACT_TYPE_NAME or Model, "
            f"not the {type_name(type(given))} {shown(given)}"
        )
    return require_text("list", "artifact_type_name", name)


def check_loggable(artifact: Any) -> str:
    """Returns the name of the artifact's type.

    Raises:
        TypeError: when it is nothing that can be logged.
    """
    if isinstance(artifact, type) and hasattr(artifact, "serialization"):
        kind = artifact.__name__
        raise TypeError(f"cannot log the class {kind} itself: log an instance, {kind}(name=..., uri=...)")
    name = getattr(artifact, "ARTIFACT_TYPE_NAME", None)
    if isinstance(artifact, (list, tuple, set)):
        raise TypeError(f"cannot log the {_described(artifact)} as a whole: log each artifact in it")
    if not isinstance(name, str) or not hasattr(artifact, "serialization"):
        raise TypeError(
            f"cannot log the {_described(artifact)}: it must be a DataSet, Model or Metrics, or have "
            "ARTIFACT_TYPE_NAME and serialization(). Log a stored artifact by its id, or fetch it by name: "
            "workspace.artifact(name=...)"
        )
    return name


def _described(value: object) -> str:
    return f"{type_name(type(value))} {shown(value)}"


def serialize(artifact: Loggable) -> tuple[str, MlMetadataArtifact]:
    """Returns the name of the artifact's type, and the artifact as it is sent.

    Raises:
        TypeError: when it is nothing that can be logged.
    """
    name = check_loggable(artifact)
    message: object = artifact.serialization()
    if not isinstance(message, MlMetadataArtifact):
        raise TypeError(
            f"{type(artifact).__name__}.serialization() must return an openapi_client.MlMetadataArtifact, "
            f"not {a_type(message)}"
        )
    return name, message
