"""A look at a database before a server relies on it: whether it can be reached and used. Nothing is written.

``python -m kubeflow_metadata.mlmd --check_database`` prints what this returns as a line of JSON, which the installer
reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from kubeflow_metadata.mlmd.db import schema
from kubeflow_metadata.mlmd.db.mysql import driver, reasons
from kubeflow_metadata.mlmd.db.mysql.settings import MySqlSettings
from kubeflow_metadata.mlmd.errors import Reason

OK = "ok"
_TIMEOUT_SECONDS = 10
_UNKNOWN_DATABASE, _SYNTAX_ERROR, _NO_SUCH_TABLE = 1049, 1064, 1146
# What the server does with its tables; the last of them when it makes them, and with some upgrades.
_PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE")
_EVERYTHING = "ALL PRIVILEGES"
# Who may write where others may not.
_BEYOND_READ_ONLY = {"SUPER", "CONNECTION_ADMIN", "READ_ONLY ADMIN", _EVERYTHING}
_GRANT = re.compile(r"(GRANT|REVOKE) (.+?) ON (?:TABLE )?(\S+) (?:TO|FROM) ")


@dataclass(frozen=True)
class Answer:
    """What was seen.

    Attributes:
        reason: why the database cannot be used, as one of ``Reason``; ``ok`` if it can.
        message: the same in words, mostly the database's own; no secret is in them.
        version: of its software.
        schema_version: of the tables that are there; None if there are none.
        user: as which it knows us, as GRANT takes it.
        tls: the version of TLS that is used; empty without encryption.
    """

    reason: str = OK
    message: str = ""
    version: str = ""
    schema_version: int | None = None
    user: str = ""
    tls: str = ""

    @property
    def document(self) -> dict[str, Any]:
        """The same for JSON."""
        return asdict(self)


class _RefusedError(Exception):
    """The database can be reached, and not be used."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def probe(settings: MySqlSettings) -> Answer:
    """Connects as the server will, and looks; returns what was seen."""
    seen: dict[str, Any] = {}
    try:
        seen["user"] = _quoted(settings.current_user(), "%")
        _look(settings, seen)
    except _RefusedError as refusal:
        return Answer(reason=refusal.reason.value, message=str(refusal), **seen)
    except driver.OpenError as error:
        files = [str(file) for file in (settings.user_file, settings.password_file) if file]
        trouble = reasons.explain(error, files)
        return Answer(reason=trouble.reason.value, message=trouble.error, **seen)
    return Answer(**seen)


def _look(settings: MySqlSettings, seen: dict[str, Any]) -> None:
    exists = True
    try:
        connection = driver.connect(settings, database=settings.database, timeout=_TIMEOUT_SECONDS)
    except driver.Error as error:
        if driver.error_number(error) != _UNKNOWN_DATABASE or not settings.create_database:
            raise
        exists, missing = False, error
        connection = driver.connect(settings, database=None, timeout=_TIMEOUT_SECONDS)
    try:
        ((seen["version"], user),) = driver.run(connection, "SELECT VERSION(), CURRENT_USER()")
        name, _, host = str(user).rpartition("@")
        seen["user"] = _quoted(name, host)
        encryption = driver.run(connection, "SHOW SESSION STATUS LIKE 'Ssl_version'")
        seen["tls"] = str(encryption[0][1]) if encryption else ""
        _require_recursion(connection, seen["version"])
        granted = _granted(connection, settings.database)
        if not exists and granted is not None and "CREATE" not in granted:
            raise missing
        if exists:
            seen["schema_version"] = _schema_version(connection, settings)
        _require_privileges(granted, settings, seen["user"])
        _require_writable(connection, granted or set(), settings)
    finally:
        driver.close(connection)


def _quoted(user: str, host: str) -> str:
    return "@".join("'" + part.replace("\\", "\\\\").replace("'", "''") + "'" for part in (user, host))


def _require_recursion(connection: driver.Connection, version: str) -> None:
    try:
        driver.run(connection, "WITH RECURSIVE probe (n) AS (SELECT 1) SELECT n FROM probe")
    except driver.Error as error:
        if driver.error_number(error) != _SYNTAX_ERROR:
            raise
        message = f"Version {version} knows no recursive queries."
        raise _RefusedError(Reason.SERVER_VERSION, message) from error


def _schema_version(connection: driver.Connection, settings: MySqlSettings) -> int | None:
    """Returns the version of the tables; None where there are none.

    Raises:
        _RefusedError: it is another one than this server's.
    """
    try:
        versions = [row[0] for row in driver.run(connection, "SELECT schema_version FROM MLMDEnv")]
    except driver.Error as error:
        if driver.error_number(error) != _NO_SUCH_TABLE:
            raise
        sql = "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'Artifact'"
        if not driver.run(connection, sql):
            return None
        versions = [0]
    if len(versions) == 1 and versions != [schema.SCHEMA_VERSION]:
        message = schema.refuse_version(versions[0], f"Database {settings.name}")
        raise _RefusedError(Reason.SCHEMA_VERSION, message)
    if len(versions) > 1:
        listed = ", ".join(map(str, sorted(versions)))
        message = f"Database {settings.name} has {len(versions)} schema versions ({listed}) instead of one."
        raise _RefusedError(Reason.SCHEMA_VERSION, message)
    return versions[0] if versions else None


def _require_privileges(granted: set[str] | None, settings: MySqlSettings, user: str) -> None:
    if granted is None or _EVERYTHING in granted:
        return
    if lacking := [each for each in _PRIVILEGES if each not in granted]:
        message = f"User {user} lacks {', '.join(lacking)} on database {settings.database}."
        raise _RefusedError(Reason.MISSING_RIGHTS, message)


def _require_writable(connection: driver.Connection, granted: set[str], settings: MySqlSettings) -> None:
    rows = driver.run(connection, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only', 'super_read_only')")
    on = {name for name, value in rows if str(value).upper() in {"ON", "1"}}
    if "super_read_only" in on or ("read_only" in on and not granted & _BEYOND_READ_ONLY):
        raise _RefusedError(Reason.READ_ONLY, f"The server of {settings.name} is read-only.")


def _granted(connection: driver.Connection, database: str) -> set[str] | None:
    """Returns the privileges on a database; None where they cannot be told from what the server lists."""
    lines = [str(row[0]) for row in driver.run(connection, _show_grants(connection))]
    return privileges(lines, database)


def _show_grants(connection: driver.Connection) -> str:
    """Returns the statement that lists what is granted, also by way of the roles in use."""
    ((version, roles),) = driver.run(connection, "SELECT VERSION(), CURRENT_ROLE()")
    # MariaDB lists what its one role grants by itself.
    return (
        f"SHOW GRANTS FOR CURRENT_USER() USING {roles}"
        if roles and roles != "NONE" and "MariaDB" not in version
        else "SHOW GRANTS"
    )


def privileges(lines: Iterable[str], database: str) -> set[str] | None:
    """Returns the privileges on a database that lines of ``SHOW GRANTS`` give; None where that is not all of it.

    Args:
        lines: such as ``GRANT SELECT, INSERT ON `metadb`.* TO `me`@`%```.
        database: its name.
    """
    granted: set[str] = set()
    revoked: set[str] = set()
    for line in lines:
        matched = _GRANT.match(line)
        if matched is None:
            continue  # a role, whose privileges have lines of their own
        verb, listed, where = matched.groups()
        scope, _, table = where.rpartition(".")
        if not _covers(scope, database):
            continue
        if table != "*" or "(" in listed:
            return None  # privileges of tables or columns add up to more than can be told here
        named = {each.strip() for each in listed.split(",")}
        (granted if verb == "GRANT" else revoked).update(named)
    if revoked and _EVERYTHING in granted:
        granted.update(_PRIVILEGES)
        granted.discard(_EVERYTHING)
    return granted - revoked


def _covers(scope: str, database: str) -> bool:
    """Returns whether a pattern of databases, such as ``*`` or ``meta%``, is about one."""
    pattern = scope.strip("`").replace("``", "`")
    if pattern == "*":
        return True
    parts = re.split(r"(\\[_%]|[_%])", pattern)
    meaning = {"%": ".*", "_": ".", r"\_": "_", r"\%": "%"}
    return re.fullmatch("".join(meaning.get(part, re.escape(part)) for part in parts), database) is not None
