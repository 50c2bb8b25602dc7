"""The environment variables of the servers, from their command lines."""

from __future__ import annotations

import json
from importlib import import_module

import click

from kubeflow_metadata.parts import SERVERS


def of_the_servers() -> dict[str, list[str]]:
    """Returns the variables of each server by what they begin with."""
    return {server.environment: _variables(f"{server.module}.cli", server.environment) for server in SERVERS}


def text() -> str:
    """Returns variables.json, which the model reads."""
    return json.dumps(of_the_servers(), indent=2) + "\n"


def _variables(module: str, prefix: str) -> list[str]:
    command = import_module(module).main
    options = [each for each in command.params if isinstance(each, click.Option) and _is_variable(each)]
    return sorted(f"{prefix}_{each.name}".upper() for each in options)


def _is_variable(option: click.Option) -> bool:
    return option.expose_value and option.allow_from_autoenv
