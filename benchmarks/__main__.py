"""``python -m benchmarks``: starts three servers, measures them in turns, prints a table of ratios."""

from __future__ import annotations

import argparse
import base64
import contextlib
import itertools
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from benchmarks import calls
from kubeflow_metadata.proto import metadata_store_pb2 as pb
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc
from tests.support import mysql_server, public_clients
from tests.support.official_library import plugins

HERE = Path(__file__).parent
CLIENTS = 8
OPEN_USER = "official"  # the official library logs in to MySQL 9 without a password only

# The goals over the official server, as this project set them.
GOALS = {"get by id": 15, "page of 100": 8, "lineage subgraph": 10, "put one": 10, "put of 100": 20}


@dataclass(frozen=True)
class Place:
    """A new, empty database: as flags of our server, and as the official library's ``ConnectionConfig``."""

    flags: list[str]
    config: str
    processes: int  # that share an open store each, for the fastest the official library can be served


Places = Callable[[], Place]


@contextlib.contextmanager
def mysql() -> Iterator[Places]:
    numbers = itertools.count()
    with mysql_server.running("--innodb-buffer-pool-size=256M") as server:
        server.sql(f"CREATE USER {OPEN_USER}@'%' IDENTIFIED BY ''", f"GRANT ALL ON *.* TO {OPEN_USER}@'%'")

        def place() -> Place:
            fields = {"host": "127.0.0.1", "port": server.port, "user": OPEN_USER, "database": f"bench_{next(numbers)}"}
            server.sql(f"CREATE DATABASE {fields['database']}")
            config = " ".join(f"{name}: {json.dumps(value)}" for name, value in fields.items())
            return Place(
                [f"--mysql_config_{name}={value}" for name, value in fields.items()], f"mysql {{ {config} }}", 2
            )

        yield place


@contextlib.contextmanager
def sqlite() -> Iterator[Places]:
    numbers = itertools.count()
    with tempfile.TemporaryDirectory(prefix="kfm-bench-") as folder:

        def place() -> Place:
            path = f"{folder}/{next(numbers)}.db"
            config = f'sqlite {{ filename_uri: "{path}" connection_mode: READWRITE_OPENCREATE }}'
            # More than one process would only wait for the others to have written.
            return Place([f"--sqlite_config_filename_uri={path}"], config, 1)

        yield place


DATABASES = {"mysql": mysql, "sqlite": sqlite}


@dataclass(frozen=True)
class Contestant:
    """A server to measure: how it is started on a port over a database."""

    name: str
    command: Callable[[int, Place], list[str]]


def ours(port: int, place: Place) -> list[str]:
    return [sys.executable, "-m", "kubeflow_metadata.mlmd", f"--grpc_port={port}", *place.flags]


def official(port: int, place: Place, *, mode: str = "connect") -> list[str]:
    python = str(public_clients.python(public_clients.OFFICIAL_PINS, public_clients.OFFICIAL_PYTHONS))
    return [python, str(HERE / "official_server.py"), mode, str(port), place.config]


def reused(port: int, place: Place) -> list[str]:
    return official(port, place, mode=str(place.processes))


CONTESTANTS = (
    Contestant("official", official),
    Contestant("official, reused", reused),
    Contestant("ours", ours),
)


@contextlib.contextmanager
def running(contestant: Contestant, place: Place) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = plugins()
    process = subprocess.Popen(
        contestant.command(port, place),
        env={**os.environ, **({"MARIADB_PLUGIN_DIR": folder} if folder else {})},
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


# Calls per second in each round.
Rates = dict[str, dict[str, list[float]]]


def compare(
    places: Places, contestants: Sequence[Contestant], rows: Sequence[str], rounds: int, seconds: float
) -> Rates:
    """The rates of each row, by contestant.

    All servers are up, and take turns at each row: what else the machine does then hits all of them alike.
    """
    rates: Rates = {contestant.name: {row: [] for row in rows} for contestant in contestants}
    with contextlib.ExitStack() as stack:
        ready = []
        for contestant in contestants:
            note(f"{contestant.name}: loading ...")
            target = stack.enter_context(running(contestant, places()))
            ready.append((contestant.name, target, calls.calls(pb, rpc, load(target))))
        for row in rows:
            for _ in range(rounds):
                for name, target, made in ready:
                    rates[name][row].append(measure(target, *made[row], seconds))
                note(f"{row}: {', '.join(f'{name} {rates[name][row][-1]:.0f}/s' for name, *_ in ready)}")
    return rates


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    names = [contestant.name for contestant in CONTESTANTS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--database", choices=DATABASES, default="mysql", help="where the data is (default: mysql)")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long a round of a row takes (default: 4)")
    parser.add_argument("--rounds", type=int, default=5, help="how often; the table has the medians (default: 5)")
    parser.add_argument("--only", choices=names, help="measure this contestant alone")
    parser.add_argument("--rows", nargs="*", choices=calls.ROWS, default=calls.ROWS)
    arguments = parser.parse_args()
    if arguments.database == "mysql" and plugins() is None:
        raise SystemExit("The official library needs a plugin to reach MySQL 9. Type: apt-get install libmariadb3")
    chosen = [contestant for contestant in CONTESTANTS if arguments.only in (None, contestant.name)]
    with DATABASES[arguments.database]() as places:
        rates = compare(places, chosen, arguments.rows, arguments.rounds, arguments.seconds)
    show(rates, arguments.rows, goals=arguments.database == "mysql")


def show(rates: Rates, rows: Sequence[str], *, goals: bool) -> None:
    """Prints the medians of the rates, and of the ratios of each round."""
    shared = "MySQL and " if goals else ""
    print(f"\n{platform.machine()}, {os.cpu_count()} cores shared with {shared}{CLIENTS} client processes; calls/s\n")
    others = [name for name in rates if name != "ours"] if "ours" in rates else []
    columns = ["call", *rates]
    for name in others:
        columns += [f"ours / {name}", *(["goal"] if goals and name == "official" else [])]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for row in rows:
        cells = [row, *(f"{statistics.median(rates[name][row]):.0f}" for name in rates)]
        for name in others:
            ratio = statistics.median(
                own / other for own, other in zip(rates["ours"][row], rates[name][row], strict=True)
            )
            cells += [f"{ratio:.1f}", *([str(GOALS[row])] if goals and name == "official" else [])]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
