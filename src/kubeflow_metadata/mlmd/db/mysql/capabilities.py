"""What a server of the MySQL family can do, by the version that it reports."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Capabilities:
    """What differs between MySQL 8.0, later ones, and MariaDB.

    Attributes:
        collation: tells apart what differs, also in case, accents and spaces at the end, as far as the server can.
        hides_columns: takes columns that only those see who name them.
        limits_recursion: takes a LIMIT in a recursive query. MariaDB ends recursions by a setting alone.
        returns_ids: answers an INSERT with the ids that it has given.
    """

    collation: str
    hides_columns: bool
    limits_recursion: bool
    returns_ids: bool = False

    @classmethod
    def of(cls, version: str) -> Capabilities:
        """Returns those of the server whose ``VERSION()`` this is."""
        # Before some versions of MariaDB stands one of MySQL, for old clients.
        numbers = tuple(int(number) for number in re.findall(r"\d+", version.removeprefix("5.5.5-"))[:3])
        if "MariaDB" in version:
            returns_ids = numbers >= (10, 5)
            return cls("utf8mb4_nopad_bin", hides_columns=True, limits_recursion=False, returns_ids=returns_ids)
        return cls(
            "utf8mb4_0900_bin" if numbers >= (8, 0, 17) else "utf8mb4_bin",
            hides_columns=numbers >= (8, 0, 23),
            limits_recursion=numbers >= (8, 0, 19),
        )
