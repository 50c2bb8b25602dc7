"""YAML that every parser reads alike."""

from __future__ import annotations

import re
from typing import Any

import yaml

# PyYAML reads these as text, parsers in Go do not (1e3, 0o17, y).
_NOT_TEXT_ELSEWHERE = re.compile(r"[-+.]?[0-9].*|[yYnN]")


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, _data: object) -> bool:
        return True


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = '"' if _NOT_TEXT_ELSEWHERE.fullmatch(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def dump(value: Any) -> str:
    """A document, without the end of line."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
    return text.removesuffix("...\n").strip()
