"""Parses ``completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from kubeflow_metadata.installer.program import NAME

_VARIABLE = "_KUBEFLOW_METADATA_COMPLETE"


@click.command("completion", short_help="Print the completion script for a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash, in ~/.bashrc:   eval "$(kubeflow-metadata completion bash)"
    zsh, in ~/.zshrc:     eval "$(kubeflow-metadata completion zsh)"
    fish:                 kubeflow-metadata completion fish | source
    """  # noqa: D301 - a backspace, not a backslash, keeps the lines after it as they are
    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"There is no completion for {shell}.")
    root = click.get_current_context().find_root().command
    click.echo(completion(root, {}, NAME, _VARIABLE).source())
