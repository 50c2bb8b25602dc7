"""Parses ``completion``, and prints what makes a shell complete commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program

_SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_KUBEFLOW_METADATA_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script of SHELL.

    \b
    bash: eval "$(kubeflow-metadata completion bash)"   in ~/.bashrc
    zsh:  eval "$(kubeflow-metadata completion zsh)"    in ~/.zshrc
    fish: kubeflow-metadata completion fish | source
    """  # noqa: D301 - a backspace, not a backslash, keeps the lines after it as they are
    kind = get_completion_class(shell)
    if kind is None:
        raise UserError(f"This version of click cannot complete for {shell}.", hint="Run: pip install -U click")
    click.echo(kind(context.find_root().command, {}, program.NAME, _VARIABLE).source())
