"""Objects as text for people: short, without addresses in memory, whatever the object does when it is asked."""

from __future__ import annotations

import re
import reprlib
from typing import Any

_LONGEST = 80
_MOST_FIELDS = 20


def type_name(kind: type) -> str:
    """Returns the name of a type with its module: ``numpy.int64``, ``pathlib.PosixPath``, ``int``."""
    module = getattr(kind, "__module__", None)
    return kind.__qualname__ if module in {None, "builtins", "__main__"} else f"{module}.{kind.__qualname__}"


def a_type(value: object) -> str:
    """Returns the name of the type of ``value`` with its article: ``an int``, ``a numpy.ndarray``."""
    name = type_name(type(value))
    return f"{'an' if name[0] in 'aeiouAEIOU' and not name.startswith('uuid') else 'a'} {name}"


def shown(value: object) -> str:
    """Returns a short text for ``value``."""
    try:
        text = _SHORTENER.repr(value)
    except Exception:  # A __repr__ may raise anything, and must not hide the message that it is for.
        text = f"<{type_name(type(value))}>"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def call_text(kind: type, fields: dict[str, Any]) -> str:
    """Returns ``Kind(field=..., ...)`` with the fields that are not None."""
    given = [(key, value) for key, value in fields.items() if value is not None]
    texts = [f"{key}={shown(value)}" for key, value in given[:_MOST_FIELDS]]
    return f"{kind.__name__}({', '.join(texts + ['...'] * (len(given) > _MOST_FIELDS))})"


class _Shortener(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = _LONGEST
        self.maxlevel = 4
        self.maxdict = 10

    def repr_instance(self, x: Any, level: int) -> str:
        text = " ".join(repr(x).split())
        if re.search(r"\bat 0x[0-9a-fA-F]+", text):
            return f"<class {type_name(x)}>" if isinstance(x, type) else f"<{type_name(type(x))}>"
        return text


_SHORTENER = _Shortener()
