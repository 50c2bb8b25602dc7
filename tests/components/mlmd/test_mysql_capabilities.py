"""What the servers can do of which none runs here; the one that does is asked in ``test_mysql``."""

from __future__ import annotations

import pytest

from kubeflow_metadata.mlmd.db.mysql.capabilities import Capabilities

MARIADB = Capabilities("utf8mb4_nopad_bin", hides_columns=True, limits_recursion=False, returns_ids=True)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("8.0.16", Capabilities("utf8mb4_bin", hides_columns=False, limits_recursion=False)),
        ("8.0.17-debug", Capabilities("utf8mb4_0900_bin", hides_columns=False, limits_recursion=False)),
        ("8.0.19-0ubuntu5", Capabilities("utf8mb4_0900_bin", hides_columns=False, limits_recursion=True)),
        ("8.4.0", Capabilities("utf8mb4_0900_bin", hides_columns=True, limits_recursion=True)),
        ("10.4.34-MariaDB", Capabilities("utf8mb4_nopad_bin", hides_columns=True, limits_recursion=False)),
        ("10.11.6-MariaDB-0+deb12u1", MARIADB),
        ("5.5.5-10.5.0-MariaDB", MARIADB),
        ("11.8.3-MariaDB-log", MARIADB),
    ],
)
def test_versions(version, expected):
    assert Capabilities.of(version) == expected
