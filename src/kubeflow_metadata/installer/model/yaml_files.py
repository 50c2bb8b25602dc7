"""Files of settings, read as Helm reads them, except that a name that is there twice is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from kubeflow_metadata.errors import UserError

_REFERENCE = "See docs/configuration.md for all settings."
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    # 2020-01-01 is text, as it is for Helm.
    yaml_implicit_resolvers = {  # noqa: RUF012 - as PyYAML has it
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[Any, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            line = key.start_mark.line + 1
            if key.value in seen:
                raise _TwiceError(f"line {line}: {key.value} is set already in line {seen[key.value]}.")
            seen[key.value] = line
        return super().construct_mapping(node, deep=deep)


class _TwiceError(Exception):
    """A name is in a mapping twice; YAML's libraries disagree on which one wins."""


def read(file: Path) -> dict[str, Any]:
    """Reads a file of settings.

    Raises:
        UserError: it cannot be read, or is no mapping.
    """
    try:
        values = parse(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"Cannot read {file}: {error.strerror}.", hint="Pass another file with -f.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not valid YAML.", details="It is not UTF-8.", hint=_REFERENCE) from error
    except ValueError as error:
        raise UserError(f"{file} is not valid YAML.", details=str(error), hint=_REFERENCE) from error
    except _TwiceError as error:
        raise UserError(f"{file}, {error}", hint="Remove one of the two.") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UserError(f"{file} must be a mapping of settings, not a {type(values).__name__}.", hint=_REFERENCE)
    return values


def parse(text: str) -> Any:
    """Returns the value of a text in YAML.

    Raises:
        ValueError: it is none; the message says where.
    """
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ValueError(f"{where}{error.problem}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError("it contains characters or nesting that YAML does not allow") from error
