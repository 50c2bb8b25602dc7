"""``open`` on a cluster: the Artifact Store in a browser, through a port-forward."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.connection.forwarding import HOST
from kubeflow_metadata.installer.cluster.port import Cluster
from kubeflow_metadata.installer.cluster.ready_pods import ReadyPods
from kubeflow_metadata.installer.local import ports
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock
from kubeflow_metadata.installer.terminal import Terminal, table
from kubeflow_metadata.installer.verbs import browser
from kubeflow_metadata.installer.verbs.target import Target
from kubeflow_metadata.parts import GRPC, REST, UI, Part

ADDRESSES = {
    UI.name: ("UI", "http://{}:{}"),
    REST.name: ("REST", "http://{}:{}"),
    GRPC.name: ("gRPC", "{}:{}"),
}
_LOOK_SECONDS = 2.0


@dataclass(frozen=True)
class Wish:
    """What is to be opened.

    Attributes:
        parts: to forward to; the first is the Artifact Store.
        port: of this machine for the Artifact Store; None for the usual one, or a free one.
        browser: whether to open a browser.
    """

    parts: tuple[Part, ...] = (UI,)
    port: int | None = None
    browser: bool = True


def open_store(target: Target, wish: Wish, terminal: Terminal, clock: Clock = SYSTEM_CLOCK) -> None:
    """Forwards to the servers until Ctrl-C, and opens the Artifact Store."""
    cluster = target.cluster()
    said: list[str] = []

    def say(text: str) -> None:
        if said[-1:] != [text]:
            said[:] = [text]
            terminal.note(text)

    with ExitStack() as stack:
        forwarded = [_forward(stack, cluster, part, wish, say) for part in wish.parts]
        document = {"context": cluster.context, "namespace": cluster.namespace, "endpoints": addresses(forwarded)}
        pods = {part.name: chosen.pod for part, chosen, _ in forwarded}
        show(document | {"pods": pods}, forwarded, wish, terminal)
        terminal.note("Forwarding until Ctrl-C.")
        while True:
            clock.sleep(_LOOK_SECONDS)
            for _, chosen, _ in forwarded:
                chosen.look()


def addresses(forwarded: list[tuple[Part, ReadyPods, int]]) -> dict[str, str]:
    """Returns where each part is reached, by its name."""
    return {part.name: ADDRESSES[part.name][1].format(HOST, port) for part, _, port in forwarded}


def show(
    document: Mapping[str, object], forwarded: list[tuple[Part, ReadyPods, int]], wish: Wish, terminal: Terminal
) -> None:
    """Prints the addresses, and opens a browser where one is wanted."""
    reached = addresses(forwarded)
    rows = [(ADDRESSES[part.name][0], reached[part.name], chosen.pod) for part, chosen, _ in forwarded]
    terminal.result(document, table(rows, ("SERVER", "ADDRESS", "POD")))
    if wish.browser and not browser.show(reached[UI.name]):
        terminal.note(f"No browser to open here. Open {reached[UI.name]} in one.")


def _forward(
    stack: ExitStack, cluster: Cluster, part: Part, wish: Wish, say: Callable[[str], object]
) -> tuple[Part, ReadyPods, int]:
    chosen = ReadyPods(cluster, part, say)
    chosen()  # whether there is one, before anything listens
    port = wish.port if part is UI else None
    if port is not None and not ports.is_free(port):
        raise UserError(f"Port {port} is in use.", hint="Choose another one, or leave out --port for a free one.")
    if port is None:
        port = ports.next_free(part.local_port, ())
        if port != part.local_port:
            say(f"Port {part.local_port} is in use: the {part.title} uses {port}.")
    taken = stack.enter_context(cluster.forward(chosen, part.services[0].target_port, port, say=say))
    return part, chosen, taken
