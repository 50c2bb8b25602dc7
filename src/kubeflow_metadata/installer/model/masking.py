"""Settings whose values are nobody else's business: they are masked wherever settings are shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"
_SECRET_NAME = re.compile(
    r"passw|passphrase|secret|token|credential|private|api_?key|access_?key|(^|_)(pwd|auth|key)(_|$)"
)
# A password in an address, and one among arguments.
_IN_TEXT = (
    re.compile(r"(?<=://)([^/\s:@]*:)[^/\s@]+(?=@)"),
    re.compile(r"(?i)((?:passw\w*|secret|token)\s*[=:]\s*)\S+"),
)
# Where users may write what they like; other settings have values that say nothing, such as the name of a Secret.
_ENVIRONMENT = "extraEnv"


def masked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns settings, as files have them, with secret values masked."""
    return {name: _masked(name, value, is_variable=False) for name, value in settings.items()}


def masked_value(path: tuple[str, ...], value: Any) -> Any:
    """Returns the value of the setting at a path, masked where it is secret."""
    return _masked(path[-1], value, is_variable=_ENVIRONMENT in path[:-1])


def _masked(name: str, value: Any, *, is_variable: bool) -> Any:
    if isinstance(value, Mapping):
        inner = {
            key: _masked(str(key), each, is_variable=name == _ENVIRONMENT or is_variable) for key, each in value.items()
        }
        # Where a variable comes from is no secret.
        return dict(value) if is_variable else inner
    if isinstance(value, list | tuple):
        return [_masked(name, each, is_variable=is_variable) for each in value]
    if is_variable and value not in ("", None) and _SECRET_NAME.search(name.lower()):
        return MASK
    if isinstance(value, str):
        for pattern in _IN_TEXT:
            value = pattern.sub(rf"\g<1>{MASK}", value)
    return value
