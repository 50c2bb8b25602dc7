"""MySQL's flags, named as the official server's, and its part of that server's configuration file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kubeflow_metadata.mlmd.db.flags import FILE, FOLDER, PORT, SWITCH, Flags, require_file
from kubeflow_metadata.mlmd.db.mysql.settings import MySqlSettings, Tls
from kubeflow_metadata.mlmd.errors import ConfigurationError

if TYPE_CHECKING:
    from kubeflow_metadata.proto import metadata_store_pb2 as pb

_OPTIONS = (
    click.option("--mysql_config_host", metavar="HOST", help="MySQL host."),
    click.option("--mysql_config_port", default=3306, type=PORT, help="MySQL port."),
    click.option(
        "--mysql_config_socket", type=FILE, metavar="FILE", help="MySQL Unix socket, instead of host and port."
    ),
    click.option("--mysql_config_database", metavar="NAME", help="MySQL database, created if missing."),
    click.option("--mysql_config_user", default="root", metavar="NAME", help="MySQL user name."),
    click.option(
        "--mysql_config_user_file",
        type=FILE,
        metavar="FILE",
        help="File with the MySQL user name, re-read for each connection.",
    ),
    click.option(
        "--mysql_config_password",
        default="",
        metavar="TEXT",
        show_default=False,
        help="MySQL password. Command lines are visible to all local users: prefer the environment variable or a file.",
    ),
    click.option(
        "--mysql_config_password_file",
        type=FILE,
        metavar="FILE",
        help="File with the MySQL password, re-read for each connection.",
    ),
    click.option(
        "--mysql_config_require_tls", **SWITCH, help="Do not connect to a MySQL server that does not support TLS."
    ),
    click.option(
        "--mysql_config_sslrootcert",
        "--mysql_config_sslca",
        "mysql_config_sslca",
        type=FILE,
        metavar="FILE",
        help="Certificate authorities (PEM) to verify the MySQL server's certificate against.",
    ),
    click.option(
        "--mysql_config_sslcapath",
        type=FOLDER,
        metavar="DIR",
        help="Directory of certificate authorities, each file named by its hash.",
    ),
    click.option("--mysql_config_sslcipher", metavar="LIST", help="Ciphers allowed for TLS to MySQL."),
    click.option("--mysql_config_sslcert", type=FILE, metavar="FILE", help="Client certificate for MySQL (PEM)."),
    click.option("--mysql_config_sslkey", type=FILE, metavar="FILE", help="Key of the client certificate (PEM)."),
    click.option(
        "--mysql_config_verify_server_cert",
        **SWITCH,
        help="Also verify the host name in the certificate. Requires a certificate authority.",
    ),
    click.option("--mysql_config_skip_db_creation", **SWITCH, help="Create the tables only, not the database itself."),
    click.option(
        "--mysql_config_timeout",
        default=60,
        type=click.IntRange(1),
        help="Seconds without a response after which a connection is considered lost.",
    ),
)


def _settings(flags: Mapping[str, Any]) -> MySqlSettings:
    if not flags["mysql_config_database"]:
        raise ConfigurationError("MySQL requires a database name: --mysql_config_database=metadb")
    if not flags["mysql_config_host"] and not flags["mysql_config_socket"]:
        raise ConfigurationError("MySQL requires a host: --mysql_config_host=127.0.0.1")
    return MySqlSettings(
        host=flags["mysql_config_host"] or "",
        port=flags["mysql_config_port"] or 3306,
        socket=flags["mysql_config_socket"],
        database=flags["mysql_config_database"],
        user=flags["mysql_config_user"],
        user_file=flags["mysql_config_user_file"],
        password=flags["mysql_config_password"],
        password_file=flags["mysql_config_password_file"],
        tls=_tls(flags),
        io_timeout_seconds=flags["mysql_config_timeout"],
        create_database=not flags["mysql_config_skip_db_creation"],
    )


def _tls(flags: Mapping[str, Any]) -> Tls:
    ca, ca_path = flags["mysql_config_sslca"], flags["mysql_config_sslcapath"]
    verifies = ca is not None or ca_path is not None
    if flags["mysql_config_verify_server_cert"] and not verifies:
        raise ConfigurationError("--mysql_config_verify_server_cert requires --mysql_config_sslrootcert=FILE")
    if ca_path is not None and not ca_path.is_dir():
        raise ConfigurationError(f"--mysql_config_sslcapath={ca_path} is not a directory")
    if (flags["mysql_config_sslcert"] is None) != (flags["mysql_config_sslkey"] is None):
        raise ConfigurationError("--mysql_config_sslcert and --mysql_config_sslkey must be used together")
    for name in ("sslca", "sslcert", "sslkey", "user_file", "password_file"):
        require_file(f"--mysql_config_{name}", flags[f"mysql_config_{name}"])
    return Tls(
        required=flags["mysql_config_require_tls"] or verifies,
        ca=ca,
        ca_path=ca_path,
        cipher=flags["mysql_config_sslcipher"],
        verify_identity=flags["mysql_config_verify_server_cert"],
        cert=flags["mysql_config_sslcert"],
        key=flags["mysql_config_sslkey"],
    )


def _read_config(config: pb.ConnectionConfig) -> dict[str, Any]:
    mysql = config.mysql
    names = ("host", "port", "database", "user", "password", "skip_db_creation")
    said: dict[str, Any] = {f"mysql_config_{name}": getattr(mysql, name) for name in names if mysql.HasField(name)}
    if mysql.HasField("socket"):
        said["mysql_config_socket"] = Path(mysql.socket)
    ssl = mysql.ssl_options
    for name in ("ca", "capath", "cert", "key"):
        if ssl.HasField(name):
            said[f"mysql_config_ssl{name}"] = Path(getattr(ssl, name))
    if ssl.HasField("cipher"):
        said["mysql_config_sslcipher"] = ssl.cipher
    if ssl.HasField("verify_server_cert"):
        said["mysql_config_verify_server_cert"] = ssl.verify_server_cert
    return said


FLAGS = Flags(
    kind="mysql",
    title="MySQL",
    example="--mysql_config_host=... and --mysql_config_database=...",
    names=("mysql_config_host", "mysql_config_socket", "mysql_config_database"),
    options=_OPTIONS,
    settings=_settings,
    read_config=_read_config,
)
