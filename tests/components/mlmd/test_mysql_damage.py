"""What MySQL says of damaged tables, and what becomes of a server that has met one."""

from __future__ import annotations

import pymysql
import pytest

from kubeflow_metadata.mlmd.db.mysql import driver, failures
from kubeflow_metadata.mlmd.errors import DamagedDatabaseError, ResourceExhaustedError, UnavailableError
from tests.support.store import assert_works, caller


@pytest.mark.parametrize(
    ("number", "text", "expected"),
    [
        (1194, "Table 'Artifact' is marked as crashed and should be repaired", DamagedDatabaseError),
        (1195, "Table 'Artifact' is marked as crashed and last (automatic?) repair failed", DamagedDatabaseError),
        (1034, "Incorrect key file for table 'Artifact'; try to repair it", DamagedDatabaseError),
        (1030, "Got error 126 - 'Index file is crashed' from storage engine", DamagedDatabaseError),
        (
            1030,
            'Got error 144 "Table is crashed and last repair failed" from storage engine MyISAM',
            DamagedDatabaseError,
        ),
        (1030, "Got error 145 - 'Table was marked as crashed' from storage engine", DamagedDatabaseError),
        (1712, "Index PRIMARY is corrupted", DamagedDatabaseError),
        (1034, "Incorrect key file for table '/tmp/#sql_1_2.MYI'; try to repair it", ResourceExhaustedError),
        (1030, "Got error 28 - 'No space left on device' from storage engine", ResourceExhaustedError),
        (1030, "Got error 168 - 'Unknown (generic) error from engine' from storage engine", UnavailableError),
    ],
)
def test_numbers(number, text, expected):
    found = failures.meaning(pymysql.err.OperationalError(number, text), "metadb at db:3306")
    assert type(found) is expected
    assert text in str(found)
    assert ("restore a backup" in str(found)) is (expected is DamagedDatabaseError)


def test_a_server_that_has_met_one_is_not_ready_any_more(mysql_database, monkeypatch):
    assert_works(mysql_database)
    run = driver.run

    def run_unless_it_reads_artifacts(connection, sql, params=()):
        if "FROM Artifact " in sql:
            raise pymysql.err.OperationalError(1194, "Table 'Artifact' is marked as crashed and should be repaired")
        return run(connection, sql, params)

    monkeypatch.setattr(driver, "run", run_unless_it_reads_artifacts)
    mysql_database.ping()
    with pytest.raises(DamagedDatabaseError, match="CHECK TABLE"):
        caller(mysql_database)("GetArtifacts")
    with pytest.raises(DamagedDatabaseError, match="CHECK TABLE"):
        mysql_database.ping()
