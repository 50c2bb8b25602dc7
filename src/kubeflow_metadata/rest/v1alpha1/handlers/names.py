"""Names that nobody can see."""

from __future__ import annotations

import unicodedata

# Separators, controls, and characters that only say how others are shown, such as the zero-width space.
_INVISIBLE = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})
# Letters, marks and symbols that are blank all the same: fillers of Hangul, vowels of Khmer, the joiner of graphemes,
# the empty pattern of Braille, selectors of variations.
_BLANK_RANGES = (
    *((code, code) for code in (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0)),
    *((0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF)),
)


def is_blank(name: str) -> bool:
    """Returns whether no character of the name leaves a mark on the screen."""
    return all(map(_is_invisible, name))


def _is_invisible(character: str) -> bool:
    if unicodedata.category(character) in _INVISIBLE:
        return True
    code = ord(character)
    return any(first <= code <= last for first, last in _BLANK_RANGES)
