"""Measuring: servers that take turns at answering the same clients."""

from __future__ import annotations

import base64
import contextlib
import json
import random
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc

from benchmarks import calls
from benchmarks.contestants import Contestant
from benchmarks.databases import Place, Places
from kubeflow_metadata.proto import metadata_store_pb2 as pb
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc

HERE = Path(__file__).parent
CLIENTS = 8


@contextlib.contextmanager
def running(contestant: Contestant, place: Place) -> Iterator[str]:
    """Runs a server on a free port; yields where it is."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(contestant.command(port, place), env=contestant.environment, stdout=subprocess.DEVNULL)
    try:
        target = f"127.0.0.1:{port}"
        with grpc.insecure_channel(target) as channel:
            grpc.channel_ready_future(channel).result(60)
        yield target
    finally:
        process.terminate()
        process.wait(60)


class Clients:
    """Client processes that send one call to one server whenever it is their turn."""

    def __init__(self, target: str, method: str, request: bytes, seconds: float) -> None:
        """Starts them; raises SystemExit where the call does not work."""
        self._method = method
        client = [sys.executable, str(HERE / "client.py"), target, method]
        command = [*client, base64.b64encode(request).decode(), str(seconds)]
        self._processes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(CLIENTS)
        ]
        if any(self._line(process) != "ready" for process in self._processes):
            raise SystemExit(f"{method} does not work on {target}")

    def turn(self) -> float:
        """Returns the calls per second of all clients together."""
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        total = 0.0
        for process in self._processes:
            told = json.loads(self._line(process))
            if told["failed"]:
                print(f"  {told['failed']} of {self._method} failed", file=sys.stderr)
            total += told["done"] / told["seconds"]
        return total

    def close(self) -> None:
        """Ends them."""
        for process in self._processes:
            process.communicate()

    @staticmethod
    def _line(process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        return process.stdout.readline().strip()


def load(target: str) -> int:
    """Stores the data; returns the type id of the artifacts."""
    with grpc.insecure_channel(target) as channel:

        def call(method: str, request: Any) -> Any:
            stub = channel.unary_unary(
                f"/ml_metadata.MetadataStoreService/{method}",
                request_serializer=type(request).SerializeToString,
                response_deserializer=getattr(rpc, f"{method}Response").FromString,
            )
            return stub(request, timeout=300, wait_for_ready=True)

        return calls.load(pb, rpc, call)


# Calls per second in each turn, by contestant and row.
Rates = dict[str, dict[str, list[float]]]


def compare(
    places: Places,
    contestants: Sequence[Contestant],
    rows: Sequence[str],
    seconds: float,
    enough: Callable[[Mapping[str, Sequence[float]]], bool],
) -> Rates:
    """Measures each row, turn by turn, until there is ``enough`` of the rates of its contestants.

    All servers are up, each over a database of its own, and take turns: what else the machine does then hits all of
    them alike. Their order is another one in each turn, so that none always follows the same one.
    """
    shuffle = random.Random(1).shuffle
    rates: Rates = {contestant.name: {row: [] for row in rows} for contestant in contestants}
    with contextlib.ExitStack() as stack:
        ready = []
        for contestant in contestants:
            note(f"{contestant.name}: loading ...")
            target = stack.enter_context(running(contestant, places()))
            ready.append((contestant.name, target, calls.calls(pb, rpc, load(target))))
        for row in rows:
            with contextlib.ExitStack() as row_stack:
                clients = {name: Clients(target, *made[row], seconds) for name, target, made in ready}
                for one in clients.values():
                    row_stack.callback(one.close)
                order = list(clients)
                while not enough({name: rates[name][row] for name in order}):
                    for name in order:
                        rates[name][row].append(clients[name].turn())
                    note(f"{row}: {', '.join(f'{name} {rates[name][row][-1]:.0f}/s' for name in order)}")
                    shuffle(order)
    return rates


def note(text: str) -> None:
    """Says how far it is, beside the table."""
    print(text, file=sys.stderr, flush=True)
