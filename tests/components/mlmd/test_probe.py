"""``--check_database``: what is said about databases that a server can use, and about those that it cannot."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from kubeflow_metadata.mlmd.db.mysql import probe
from kubeflow_metadata.mlmd.db.mysql.database import MySqlDatabase
from kubeflow_metadata.mlmd.db.mysql.settings import Tls
from tests.support.certificates import self_signed
from tests.support.servers import unused_port


@pytest.fixture
def settings(mysql):
    with mysql.database() as settings:
        yield settings


@pytest.fixture
def user(mysql):
    """Makes a user with some privileges; returns what reaches a database as that user."""
    made = []

    def make(settings, privileges, password="x"):
        name = f"probed_{len(made)}"
        made.append(name)
        mysql.sql(
            f"DROP USER IF EXISTS '{name}'@'%'",
            f"CREATE USER '{name}'@'%' IDENTIFIED BY '{password}'",
            *([f"GRANT {privileges} ON {settings.database}.* TO '{name}'@'%'"] if privileges else []),
        )
        return replace(settings, user=name, password=password)

    yield make
    for name in made:
        mysql.sql(f"DROP USER '{name}'@'%'")


def tables(mysql, settings):
    return mysql.sql("SHOW TABLES", database=settings.database)


def test_an_empty_database_is_fine_and_stays_empty(mysql, settings):
    answer = probe.probe(settings)

    assert answer.reason == "ok"
    assert answer.schema_version is None
    assert answer.version
    assert tables(mysql, settings) == []


def test_a_database_of_ours_is_fine(settings):
    database = MySqlDatabase(settings)
    database.prepare()
    database.close()

    assert probe.probe(settings).schema_version == 10


def test_a_wrong_password_is_named_and_not_shown(settings):
    answer = probe.probe(replace(settings, password="hunter2"))

    assert answer.reason == "access_denied"
    assert settings.user in answer.message
    assert "hunter2" not in json.dumps(answer.document)


def test_a_port_where_nothing_listens_is_named(settings):
    assert probe.probe(replace(settings, port=unused_port())).reason == "connection_refused"


def test_a_host_without_an_address_is_named(settings):
    assert probe.probe(replace(settings, host="database.invalid")).reason == "unknown_host"


def test_a_certificate_of_somebody_else_is_named(settings, tmp_path):
    _, other = self_signed(tmp_path, "elsewhere.example.com")
    verifying = replace(settings, tls=Tls(required=True, ca=other))

    assert probe.probe(verifying).reason == "tls"


def test_a_schema_of_another_version_is_named_with_its_number(mysql, settings):
    mysql.sql("CREATE TABLE MLMDEnv (schema_version INT)", "INSERT INTO MLMDEnv VALUES (8)", database=settings.database)
    answer = probe.probe(settings)

    assert answer.reason == "schema_version"
    assert "8" in answer.message


def test_missing_privileges_are_named(settings, user):
    answer = probe.probe(user(settings, "SELECT, INSERT"))

    assert answer.reason == "missing_rights"
    assert "lacks UPDATE, DELETE, CREATE" in answer.message


def test_the_user_is_told_as_grant_takes_it(mysql, settings, user):
    limited = user(settings, "SELECT")
    answer = probe.probe(limited)
    mysql.sql(f"GRANT ALL ON {settings.database}.* TO {answer.user}")

    assert probe.probe(limited).reason == "ok"


def test_the_privileges_that_it_takes_are_enough(settings, user):
    assert probe.probe(user(settings, "SELECT, INSERT, UPDATE, DELETE, CREATE")).reason == "ok"


def test_a_database_without_any_privilege_is_named(settings, user):
    assert probe.probe(user(settings, "")).reason == "missing_rights"


def test_a_database_that_is_missing_is_fine_where_it_can_be_made(settings, user):
    elsewhere = replace(settings, database=f"{settings.database}_other")

    assert probe.probe(elsewhere).reason == "ok"
    assert probe.probe(replace(elsewhere, create_database=False)).reason == "no_such_database"


def test_the_server_prints_it_as_one_line_of_json(settings):
    command = [
        *(sys.executable, "-m", "kubeflow_metadata.mlmd", "--check_database"),
        *("--metadata_source_config_type=mysql", f"--mysql_config_host={settings.host}"),
        *(f"--mysql_config_port={settings.port}", f"--mysql_config_database={settings.database}"),
        f"--mysql_config_user={settings.user}",
    ]

    def ask(password):
        environment = {"KFM_MLMD_MYSQL_CONFIG_PASSWORD": password, "PATH": ""}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    well, badly = ask(settings.password), ask("wrong")

    assert (well.returncode, json.loads(well.stdout)["reason"]) == (0, "ok"), well.stderr
    assert (badly.returncode, json.loads(badly.stdout)["reason"]) == (1, "access_denied"), badly.stderr


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["GRANT USAGE ON *.* TO `u`@`%`"], {"USAGE"}),
        (["GRANT ALL PRIVILEGES ON *.* TO `u`@`%` WITH GRANT OPTION"], {"ALL PRIVILEGES"}),
        (["GRANT SELECT, CREATE TEMPORARY TABLES ON `metadb`.* TO `u`@`%`"], {"SELECT", "CREATE TEMPORARY TABLES"}),
        (["GRANT SELECT ON `other`.* TO `u`@`%`"], set()),
        (["GRANT SELECT ON `meta%`.* TO `u`@`%`"], {"SELECT"}),
        ([r"GRANT SELECT ON `meta\_b`.* TO `u`@`%`"], set()),
        (["GRANT `role`@`%` TO `u`@`%`"], set()),
        (["GRANT SELECT ON `metadb`.`Artifact` TO `u`@`%`"], None),
        (["GRANT SELECT, INSERT ON *.* TO `u`@`%`", "REVOKE INSERT ON `metadb`.* FROM `u`@`%`"], {"SELECT"}),
    ],
)
def test_privileges_are_read_as_the_server_lists_them(lines, expected):
    assert probe.privileges(lines, "metadb") == expected
