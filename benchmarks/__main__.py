"""``python -m benchmarks``: starts MySQL and three servers one after the other, measures, prints a table of ratios."""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import platform
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from benchmarks import calls
from mlmd_proto import metadata_store_pb2 as pb
from mlmd_proto import metadata_store_service_pb2 as rpc
from tests import mysql_server
from tests.contract import environments
from tests.contract.official import plugins

HERE = Path(__file__).parent
CLIENTS = 8
OPEN_USER = "official"  # the official library logs in to MySQL 9 without a password only

# The goals over the official server, as this project set them.
GOALS = {"get by id": 15, "page of 100": 8, "lineage subgraph": 10, "put one": 10, "put of 100": 20}


@dataclass(frozen=True)
class Contestant:
    """A server to measure: how it is started on a port over a database."""

    name: str
    command: Callable[[int, mysql_server.MySqlServer, str], list[str]]
    environment: dict[str, str]


def ours(*flags: str) -> Callable[[int, mysql_server.MySqlServer, str], list[str]]:
    def command(port: int, server: mysql_server.MySqlServer, database: str) -> list[str]:
        where = ["--mysql_config_host=127.0.0.1", f"--mysql_config_port={server.port}"]
        who = [f"--mysql_config_user={OPEN_USER}", f"--mysql_config_database={database}"]
        return [sys.executable, "-m", "mlmd_server", f"--grpc_port={port}", *where, *who, *flags]

    return command


def official(mode: str) -> Callable[[int, mysql_server.MySqlServer, str], list[str]]:
    def command(port: int, server: mysql_server.MySqlServer, database: str) -> list[str]:
        python = str(environments.python(environments.OFFICIAL_PINS, environments.OFFICIAL_PYTHONS))
        where = ["127.0.0.1", str(server.port), database, OPEN_USER]
        return [python, str(HERE / "official_server.py"), mode, str(port), *where]

    return command


def contestants() -> list[Contestant]:
    folder = plugins()
    if folder is None:
        raise SystemExit("The official library needs a plugin to reach MySQL 9. Type: apt-get install libmariadb3")
    environment = {"MARIADB_PLUGIN_DIR": folder}
    return [
        Contestant("official", official("connect"), environment),
        Contestant("official, reused", official("reuse"), environment),
        Contestant("ours", ours(), {}),
    ]


@contextlib.contextmanager
def running(contestant: Contestant, server: mysql_server.MySqlServer, database: str) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        contestant.command(port, server, database),
        env={**os.environ, **contestant.environment},
        stdout=subprocess.DEVNULL,
    )
    try:
        target = f"127.0.0.1:{port}"
        with grpc.insecure_channel(target) as channel:
            grpc.channel_ready_future(channel).result(60)
        yield target
    finally:
        process.terminate()
        process.wait(60)


def measure(target: str, method: str, request: bytes, seconds: float) -> float:
    """Calls per second of all clients together."""
    command = [
        sys.executable,
        str(HERE / "client.py"),
        target,
        method,
        base64.b64encode(request).decode(),
        str(seconds),
    ]
    clients = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(CLIENTS)
    ]
    for client in clients:
        if client.stdout is None or client.stdout.readline().strip() != "ready":
            raise SystemExit(f"{method} does not work on {target}")
    total = 0.0
    for client in clients:
        assert client.stdin is not None
        client.stdin.write("go\n")
        client.stdin.flush()
    for client in clients:
        out, _ = client.communicate()
        told = json.loads(out)
        if told["failed"]:
            print(f"  {told['failed']} of {method} failed", file=sys.stderr)
        total += told["done"] / told["seconds"]
    return total


def load(target: str) -> int:
    with grpc.insecure_channel(target) as channel:

        def call(method: str, request: Any) -> Any:
            stub = channel.unary_unary(
                f"/ml_metadata.MetadataStoreService/{method}",
                request_serializer=type(request).SerializeToString,
                response_deserializer=getattr(rpc, f"{method}Response").FromString,
            )
            return stub(request, timeout=300, wait_for_ready=True)

        return calls.load(pb, rpc, call)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each row is measured (default: 5)")
    parser.add_argument("--only", help="measure this contestant alone: " + ", ".join(c.name for c in contestants()))
    parser.add_argument("--rows", nargs="*", choices=calls.ROWS, default=calls.ROWS)
    arguments = parser.parse_args()
    rates: dict[str, dict[str, float]] = {}
    with mysql_server.running("--innodb-buffer-pool-size=256M") as server:
        server.sql(f"CREATE USER {OPEN_USER}@'%' IDENTIFIED BY ''", f"GRANT ALL ON *.* TO {OPEN_USER}@'%'")
        for contestant in contestants():
            if arguments.only and contestant.name != arguments.only:
                continue
            database = f"bench_{len(rates)}"
            server.sql(f"CREATE DATABASE {database}")
            print(f"{contestant.name}: loading ...", file=sys.stderr, flush=True)
            rates[contestant.name] = {}
            with running(contestant, server, database) as target:
                made = calls.calls(pb, rpc, load(target))
                for row in arguments.rows:
                    rate = measure(target, *made[row], arguments.seconds)
                    rates[contestant.name][row] = rate
                    print(f"  {row}: {rate:.0f}/s", file=sys.stderr, flush=True)
    show(rates, arguments.rows)


def show(rates: dict[str, dict[str, float]], rows: list[str]) -> None:
    print(f"\n{platform.machine()}, {os.cpu_count()} cores shared with MySQL and {CLIENTS} client processes; calls/s\n")
    names = list(rates)
    print(f"| call | {' | '.join(names)} | ours / official | goal | ours / reused |")
    print(f"|---|{'---|' * (len(names) + 3)}")
    for row in rows:
        own = rates.get("ours", {}).get(row, 0)
        ratios = [own / rates[name][row] if name in rates else 0 for name in ("official", "official, reused")]
        numbers = " | ".join(f"{rates[name][row]:.0f}" for name in names)
        print(f"| {row} | {numbers} | {ratios[0]:.1f} | {GOALS[row]} | {ratios[1]:.1f} |")


if __name__ == "__main__":
    main()
