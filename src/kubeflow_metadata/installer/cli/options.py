"""The options that verbs share, each defined once, and the object that hands them on.

An option that means something for one kind of installation only is a ``ClusterOption`` or a ``LocalOption``; a verb of
class ``Verb`` refuses it for the other kind.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import exit_codes
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs.target import Target

if TYPE_CHECKING:
    from kubeflow_metadata.installer.local.state import DataDir


class NotOnALaptopError(UserError):
    """The verb is for clusters alone."""

    exit_code = exit_codes.USAGE


Command = TypeVar("Command", bound=Callable[..., object])

ENGINES = click.Choice(["kustomize", "helm"])
_FILE = click.Path(dir_okay=False, exists=True, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Shared:
    """What the shared options of a command line say."""

    local: bool = False
    context: str | None = None
    namespace: str = Target.namespace
    file: Path | None = None
    assignments: tuple[str, ...] = ()
    reset: bool = False
    data_path: Path | None = None
    output: str = "text"

    @property
    def terminal(self) -> Terminal:
        """Where the verb shows its progress and its result."""
        return Terminal(as_json=self.output == "json")

    @property
    def target(self) -> Target:
        """The installation on a cluster."""
        return Target(self.context, self.namespace, self.file, self.assignments, self.reset)

    @property
    def data_dir(self) -> DataDir:
        """The installation on this machine."""
        from kubeflow_metadata.installer.local.state import DataDir

        return DataDir(self.data_path)


def is_interactive() -> bool:
    """Returns whether somebody can be asked."""
    return sys.stdin.isatty()


def ask(question: str) -> bool:
    """Asks a question; no answer means no."""
    return click.confirm(question, default=False, err=True)


def ask_for(name: str, question: str) -> bool:
    """Asks somebody to type a name, which is not typed by mistake."""
    return str(click.prompt(question, default="", show_default=False, err=True)).strip() == name


class ClusterOption(click.Option):
    """An option that means nothing with ``--local``."""


class LocalOption(click.Option):
    """An option that means nothing without ``--local``; its help says so."""

    def __init__(self, *arguments: Any, **attributes: Any) -> None:
        """Accepts the arguments of ``click.Option``."""
        super().__init__(*arguments, **{**attributes, "help": f"With --local: {attributes['help']}"})


class Verb(click.Command):
    """A command whose function gets the shared options as its first argument, by ``click.pass_obj``."""

    def invoke(self, ctx: click.Context) -> object:
        """Runs the verb.

        Raises:
            click.UsageError: an option is for the other kind of installation.
            UserError: a Python package that this kind of installation needs is missing.
        """
        shared = {name: ctx.params.pop(name) for name in _SHARED if name in ctx.params}
        ctx.obj = Shared(**shared)
        self._refuse_other_kind(ctx, ctx.obj.local)
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as missing:
            if (missing.name or "").startswith("kubeflow_metadata"):
                raise  # a mistake of ours
            extra = "server,local" if ctx.obj.local else "cluster"
            raise UserError(
                f"The Python module {missing.name} is not installed.",
                hint=f'Run: pip install "kubeflow-metadata-server[{extra}]"   (in a checkout: make installer)',
            ) from missing

    def _refuse_other_kind(self, ctx: click.Context, local: bool) -> None:
        refused, why = (ClusterOption, "cannot be used with --local") if local else (LocalOption, "requires --local")
        for option in self.params:
            is_given = ctx.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
            if is_given and isinstance(option, refused):
                raise click.UsageError(f"{option.opts[-1]} {why}.")


def refuse_local(why: str) -> Callable[[Command], Command]:
    """Adds a ``--local`` that says why a verb of clusters alone is of no use on a laptop."""

    def refuse(_context: click.Context, _option: click.Parameter, given: bool) -> None:
        if given:
            raise NotOnALaptopError(why)

    return click.option("--local", is_flag=True, hidden=True, expose_value=False, is_eager=True, callback=refuse)


_SHARED = tuple(field.name for field in fields(Shared))


def check_namespace(_context: click.Context, _option: click.Parameter, value: str) -> str:
    if not _NAMESPACE.fullmatch(value):
        raise click.UsageError(f"{value!r} is not a valid namespace: use lowercase letters, digits and dashes.")
    return value


def _both(first: Callable[[Command], Command], second: Callable[[Command], Command]) -> Callable[[Command], Command]:
    return lambda command: first(second(command))


def _contexts(_context: click.Context, _option: click.Parameter, incomplete: str) -> list[str]:
    """Completes the name of a context."""
    return [name for name in _of_the_kubeconfig("contexts") if name.startswith(incomplete)]


def _namespaces(_context: click.Context, _option: click.Parameter, incomplete: str) -> list[str]:
    """Completes a namespace with those that contexts name; asking the cluster could take long."""
    known = {Target.namespace, *_of_the_kubeconfig("namespaces")}
    return sorted(name for name in known if name.startswith(incomplete))


def _of_the_kubeconfig(what: str) -> list[str]:
    try:
        from kubeflow_metadata.installer.cluster.connection.kubeconfig_files import read

        config = read()
    except (UserError, ImportError):
        return []
    return [] if config is None else list(getattr(config, what))


settings: Callable[[Command], Command] = _both(
    click.option(
        "-f", "--file", cls=ClusterOption, type=_FILE, metavar="FILE", help="Settings as YAML (docs/configuration.md)."
    ),
    click.option(
        "--set",
        "assignments",
        cls=ClusterOption,
        multiple=True,
        metavar="NAME=VALUE",
        help="Set a single value; overrides the file. Repeatable.",
    ),
)
reset_settings = click.option(
    "--reset-settings",
    "reset",
    cls=ClusterOption,
    is_flag=True,
    help="Forget the settings of earlier runs.",
)
engine = click.option(
    "--engine",
    cls=ClusterOption,
    type=ENGINES,
    help="Tool to apply with. [default: the one that installed it; else kustomize]",
)
take_over = click.option(
    "--take-over",
    cls=ClusterOption,
    is_flag=True,
    help="Also change what another engine, Argo CD or Flux manages.",
)
yes = click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
namespace = click.option(
    "-n",
    "--namespace",
    cls=ClusterOption,
    default=Target.namespace,
    show_default=True,
    callback=check_namespace,
    shell_complete=_namespaces,
    help="Namespace of the installation.",
)
cluster: Callable[[Command], Command] = _both(
    click.option(
        "--context",
        cls=ClusterOption,
        metavar="NAME",
        shell_complete=_contexts,
        help="Kubeconfig context. [default: the current context]",
    ),
    namespace,
)
local: Callable[[Command], Command] = _both(
    click.option(
        "--local", is_flag=True, help="Use this machine instead of a cluster: local processes, SQLite database."
    ),
    click.option(
        "--data-dir",
        "data_path",
        cls=LocalOption,
        type=_FOLDER,
        metavar="DIR",
        help="directory for data and logs. [default: kubeflow-metadata in the XDG data directory]",
    ),
)
output = click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Output format.",
)
