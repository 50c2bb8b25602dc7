"""``open --local``."""

from __future__ import annotations

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.local import lifecycle
from kubeflow_metadata.installer.local.servers import endpoints
from kubeflow_metadata.installer.local.state import DataDir
from kubeflow_metadata.installer.terminal import Terminal, table
from kubeflow_metadata.installer.verbs import browser
from kubeflow_metadata.installer.verbs.open import ADDRESSES, Wish
from kubeflow_metadata.parts import UI


def open_local(data_dir: DataDir, wish: Wish, terminal: Terminal) -> None:
    """Opens the page of the running Artifact Store.

    Raises:
        UserError: it does not run.
    """
    wanted = [part.name for part in wish.parts]
    states = {each.name: each for each in lifecycle.status(data_dir)}
    if missing := [states[name].title for name in wanted if states[name].state != "running"]:
        hint = f"To start them, run: {program.command('up')} {data_dir.options}"
        raise UserError(f"Not running: {', '.join(missing)}.", hint=hint)
    all_of_them = endpoints({name: port for name in wanted if (port := states[name].port) is not None})
    reached = {name: all_of_them[name] for name in wanted}
    terminal.result(
        {"endpoints": reached, "data_dir": str(data_dir.path)},
        table([(ADDRESSES[name][0], address) for name, address in reached.items()], ("SERVER", "ADDRESS")),
    )
    if wish.browser and not browser.show(reached[UI.name]):
        terminal.note(f"No browser to open here. Open {reached[UI.name]} in one.")
