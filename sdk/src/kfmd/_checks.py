"""What must hold before anything is sent, said in words that name the field and the way out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Optional

from kfmd._likely import likely_name
from kfmd._showing import shown, type_name
from kfmd._values import NotPlainError, plain_scalar

# Text fields in which people number things.
_NUMBERED = {"version", "data_set_id", "model_id", "backend_url_prefix"}

_MAPPINGS = {
    "labels": ("labels={'stage': 'test'}", "one string for each name"),
    "values": ("values={'accuracy': 0.95}", "one value for each metric"),
    "hyperparameters": ("hyperparameters={'learning_rate': 0.5}", "one value for each parameter"),
    "training_framework": ("training_framework={'name': 'tensorflow', 'version': 'v1.0'}", "with its name and version"),
}


def require_text(owner: str, field: str, value: object) -> str:
    """Returns ``value`` as text.

    Raises:
        ValueError: when it is missing, empty or blank.
        TypeError: when it is not text.
    """
    text = optional_text(owner, field, value)
    if not text:
        raise ValueError(f"{owner}: {field!r} must be set")
    # Zero-width characters are not printable.
    if not any(letter.isprintable() and not letter.isspace() for letter in text):
        raise ValueError(f"{owner}: {field!r} is blank: {shown(text)} has no visible characters")
    return text


def optional_text(owner: str, field: str, value: object) -> Optional[str]:
    """Returns ``value`` as text, or None; dates, paths, UUIDs and the text in an Enum are taken.

    Raises:
        TypeError: when it is not text.
    """
    if value is None:
        return None
    try:
        plain = plain_scalar(value)
    except NotPlainError:
        plain = None
    if isinstance(plain, str):
        return plain
    if isinstance(plain, int) and not isinstance(plain, bool) and field in _NUMBERED:
        return str(plain)
    hint = _text_hint(field, value, plain)
    raise TypeError(f"{owner}: {field!r} must be a string, not the {type_name(type(value))} {shown(value)}{hint}")


def _text_hint(field: str, value: object, plain: object) -> str:
    if isinstance(plain, (int, float)) and not isinstance(plain, bool):
        zeros = ", in quotes: a number loses its trailing zeros" if isinstance(plain, float) else ""
        return f": write {field}={str(plain)!r}{zeros}"
    if field.endswith("_id") and isinstance(getattr(value, "id", None), str):
        return f": write {field}=x.id"
    if isinstance(value, bytes):
        return f": write {field}=x.decode()"
    return ""


def check_mapping(owner: str, field: str, value: object) -> None:
    """Checks that a field that takes a dict has one, and that labels have one value each.

    Raises:
        TypeError: when it is not a mapping, or has another shape.
        ValueError: when a label has a blank name.
    """
    if value is None:
        return
    example, meaning = _MAPPINGS[field]
    if not isinstance(value, Mapping):
        hint = ", or vars(x)" if hasattr(value, "__dict__") and not isinstance(value, type) else ""
        raise TypeError(
            f"{owner}: {field!r} must be a dict, {meaning}, not the {type_name(type(value))} {shown(value)}: "
            f"write {example}{hint}"
        )
    if field != "labels":
        return
    for name, label in value.items():
        if not isinstance(name, str):
            raise TypeError(f"{owner}: the name of the label {shown(name)} must be a string: write {str(name)!r}")
        require_text(owner, "name of a label", name)
        if isinstance(label, (Mapping, list, tuple)):
            raise TypeError(
                f"{owner}: labels[{shown(name)}] must be a string, not the {type_name(type(label))} {shown(label)}: "
                f"write {example}, or pass it as its own keyword argument"
            )


def refuse_unknown(owner: str, unknown: Iterable[str], known: Iterable[str]) -> None:
    """Raises TypeError for the first keyword argument that is not known, and says which one was likely meant."""
    known = tuple(known)
    for name in unknown:
        likely = likely_name(name, known)
        meant = f"did you mean {likely!r}?" if likely else f"expected one of {', '.join(known)}"
        raise TypeError(f"{owner}: unknown argument {name!r}: {meant}")


def refuse_misspelt(owner: str, additional: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raises TypeError for the first additional property that is an argument misspelt."""
    known = tuple(known)
    for name in additional:
        if (likely := likely_name(name, known)) is not None:
            raise TypeError(
                f"{owner}: unknown argument {name!r}: did you mean {likely!r}? "
                f"To save a property of your own under that name, set it afterwards: x.{name} = ..."
            )
