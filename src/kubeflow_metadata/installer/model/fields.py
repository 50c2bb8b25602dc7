"""The kinds of values that settings have: names, quantities, images, addresses."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, WithJsonSchema
from pydantic.alias_generators import to_camel

from kubeflow_metadata.installer.model import variables
from kubeflow_metadata.installer.model.kubernetes_types import problem


class Section(BaseModel):
    """Settings that belong together. In files their names are in camelCase."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, validate_default=True)


def setting(default: Any, description: str, **constraints: Any) -> Any:
    """Returns a setting with its default and its description; every one has both."""
    return Field(default, description=description, **constraints)


def section(kind: type[Section], description: str) -> Any:
    """Returns a group of settings, all at their defaults."""
    return Field(default_factory=kind, description=description)


def _matching(pattern: str, what: str) -> Callable[[str], str]:
    expression = re.compile(pattern)

    def check(value: str) -> str:
        if expression.fullmatch(value) is None:
            raise ValueError(f"{value!r} is not {what}")
        return value

    return check


def _as_text(value: object) -> object:
    """Returns the text that is meant by a value that YAML takes for a number or a boolean.

    Raises:
        ValueError: digits may have been lost.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        raise ValueError(  # noqa: TRY004 - what pydantic reports
            f'{value} is a number, of which digits may have been lost: write it in quotes, as in "{value}"'
        )
    return value


# In the chart's schema: Helm makes text of what is none.
_TEXT_TYPES: list[JsonValue] = ["string", "number", "boolean"]


def _text(pattern: str, what: str, *, max_length: int = 253) -> Any:
    return Annotated[
        str,
        BeforeValidator(_as_text),
        AfterValidator(_matching(pattern, what)),
        Field(max_length=max_length, json_schema_extra={"type": _TEXT_TYPES, "pattern": f"^(?:{pattern})$"}),
    ]


# Any text at all.
Text = Annotated[str, BeforeValidator(_as_text), Field(json_schema_extra={"type": _TEXT_TYPES})]


def _off(value: object) -> object:
    # In YAML 1.1, which PyYAML and Helm read, an unquoted off is false.
    return "off" if value is False else value


TlsMode = Annotated[
    Literal["verify", "require", "off"],
    BeforeValidator(_off),
    Field(json_schema_extra={"enum": ["verify", "require", "off", False], "type": ["string", "boolean"]}),
]


_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_LABEL_VALUE = r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
_DNS = rf"{_LABEL}(\.{_LABEL})*"
_KEY = rf"({_DNS}/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"sha256:[0-9a-f]{64}"
_REPOSITORY = r"([a-z0-9.-]+(:[0-9]+)?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"

NamespaceName = _text(_LABEL, "a valid namespace name (lowercase letters, digits and dashes)", max_length=63)
Name = _text(_DNS, "a valid Kubernetes name (lowercase letters, digits, dashes and dots)")
NameOrNothing = _text(f"({_DNS})?", "a valid Kubernetes name (lowercase letters, digits, dashes and dots)")
HostOrNothing = _text(
    rf"({_DNS}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*)?", "a valid host (a lowercase DNS name, or an IP address without brackets)"
)
SecretKey = _text(r"[-._a-zA-Z0-9]+", "a valid key of a Secret (letters, digits, dashes, dots and underscores)")
DatabaseName = _text(r"[0-9A-Za-z_$-]+", "a valid database name (letters, digits, _, $ and -)", max_length=64)
Repository = _text(
    _REPOSITORY,
    "a valid image repository (without a tag or digest)",
    max_length=255,
)
Tag = _text(_TAG, "a valid image tag", max_length=128)
RegistryOrNothing = _text(
    r"([a-z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*)?", "a valid registry (host[:port][/path])", max_length=200
)
DigestOrNothing = _text(f"({_DIGEST})?", "a valid digest (sha256: followed by 64 hexadecimal digits)", max_length=71)
GatewayName = _text(rf"({_LABEL}/)?{_DNS}", "a valid Istio gateway (name, or namespace/name)")
Host = _text(rf"\*|(\*\.)?{_DNS}", "a valid Istio host (a DNS name, *.domain, or *)")
Duration = _text(r"([0-9]+(h|m|s|ms))+", "a valid duration (for example 30s or 1m)", max_length=16)
Origin = _text(r"\*|https?://[^\s/,]+", "a valid origin (http(s)://host[:port] without a path, or *)")
ServedHost = _text(
    rf"\*|{_DNS}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*",
    "a valid host (a lowercase DNS name, or an IP address without brackets, without port)",
)
ServerSize = _text(r"([1-9][0-9]*[KMG])?", "a valid MySQL size (an integer followed by K, M or G)", max_length=16)
MysqldArgument = _text(
    r"--[a-z0-9][a-z0-9-]*(=[^\n]*)?", "a valid mysqld argument (for example --name=value)", max_length=1024
)
LabelKey = _text(_KEY, "a valid label key", max_length=317)


def _map(key_pattern: str, key: Any, value: Any) -> Any:
    # A schema checks the names in a map apart from their values.
    names: Any = {"propertyNames": {"pattern": f"^(?:{key_pattern})$"}}
    return Annotated[dict[key, value], Field(json_schema_extra=names)]


LabelValue = _text(_LABEL_VALUE, "a valid label value", max_length=63)
Labels = _map(_KEY, LabelKey, LabelValue)
Annotations = _map(_KEY, _text(_KEY, "a valid annotation name", max_length=317), Text)


def _not_ours(labels: dict[str, str]) -> dict[str, str]:
    for label in labels:
        if re.match(OUR_LABELS, label):
            raise ValueError(f"{label} is set by the installation; choose another name")
    return labels


def _own(labels: Any) -> Any:
    return Annotated[labels, AfterValidator(_not_ours)]


# Labels by which objects are selected and found, or that settings of their own set.
OUR_LABELS = r"(metadata\.kubeflow\.org|app\.kubernetes\.io|helm\.sh|istio\.io|sidecar\.istio\.io)/"
OwnLabels = _own(Labels)


def _variable(value: object) -> object:
    """Returns the text of a variable, or where its value comes from.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, dict):
        if said := problem(value, "V1EnvVar"):
            raise ValueError(said)
        if value.keys() != {"valueFrom"}:
            raise ValueError("a value, or valueFrom and nothing else, is needed")
        return value
    if value is None or isinstance(value, list):
        raise ValueError(f"{value!r} is not text")
    return _as_text(value)


_Variable = Annotated[
    str | dict[str, Any], BeforeValidator(_variable), WithJsonSchema({"type": [*_TEXT_TYPES, "object"]})
]


def _environment(prefix: str) -> Any:
    """Returns the type of additional variables of a server whose own begin with a prefix."""

    def check(names: dict[str, Any]) -> dict[str, Any]:
        for name in names:
            if said := variables.problem(name, prefix):
                raise ValueError(f"{name}: {said}")
        return names

    names = _map(_VARIABLE, _text(_VARIABLE, "a valid environment variable name"), _Variable)
    return Annotated[names, AfterValidator(check)]


GrpcEnvironment = _environment("KFM_MLMD")
RestEnvironment = _environment("KFM_REST")
UiEnvironment = _environment("KFM_UI")


def _quantity(pattern: str, what: str) -> Any:
    return Annotated[
        str,
        BeforeValidator(_as_text),
        AfterValidator(_matching(pattern, what)),
        Field(json_schema_extra={"type": ["string", "number"], "pattern": f"^(?:{pattern})$"}),
    ]


Cpu = _quantity(r"[1-9][0-9]*m?|[0-9]+\.[0-9]{1,3}", "a valid amount of CPU (for example 500m or 2)")
Memory = _quantity(r"[1-9][0-9]*(Ki|Mi|Gi|Ti|k|M|G|T)?", "a valid amount of memory (for example 512Mi or 2Gi)")


def _network(value: str) -> str:
    try:
        ip_network(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is not a valid CIDR, for example 10.0.0.0/8 ({error})") from None
    return value


Network = Annotated[str, AfterValidator(_network), Field(json_schema_extra={"pattern": "^[0-9a-fA-F.:]+/[0-9]{1,3}$"})]
