"""YAML as a person would write it, which every parser reads alike."""

from __future__ import annotations

import re
from typing import Any

import yaml

# PyYAML reads some of these as text that parsers in Go take for numbers, times or booleans (1e3, 0o17, y).
_NOT_TEXT_ELSEWHERE = re.compile(r"[-+.]?[0-9][-+.,:_ 0-9a-fA-FoOtTxXzZ]*|[yYnN]")


class Mode(int):
    """The mode of a file, which is written in octal."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, _data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        # Items of a list are indented below its name.
        super().increase_indent(flow, indentless=False)

    def choose_scalar_style(self) -> str:
        style = super().choose_scalar_style()
        return '"' if style == "'" else style


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = None
    # A block at the end of a document would lose line breaks at its own end.
    if "\n" in value and value.strip("\n") and not value.endswith("\n\n"):
        style = "|"
    elif _NOT_TEXT_ELSEWHERE.fullmatch(value):
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _mode(dumper: _Dumper, value: Mode) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:int", f"0{value:o}")


_Dumper.add_representer(str, _text)
_Dumper.add_representer(Mode, _mode)


def dump(value: Any) -> str:
    """Returns a document, without the end of line."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
    return text.removesuffix("...\n").removesuffix("\n")
