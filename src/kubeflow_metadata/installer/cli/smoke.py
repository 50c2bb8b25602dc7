"""Parses ``smoke``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from kubeflow_metadata.installer.cli import options
from kubeflow_metadata.installer.cli.options import Shared


def _test_name(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    from kubeflow_metadata.smoke.checks import TESTS

    for value in values:
        if value not in TESTS:
            raise click.BadParameter(f"there is no test {value!r}. The tests: {', '.join(TESTS)}.")
    return values


@click.command("smoke", cls=options.Verb, short_help="Check that every server responds and returns what is stored.")
@options.settings
@options.cluster
@options.local
@click.option("--list", "lists", is_flag=True, help="List the tests, and run none.")
@click.option(
    "--test", "tests", multiple=True, callback=_test_name, metavar="NAME", help="Run only this test. Repeatable."
)
@click.option(
    "--junit",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write the results as JUnit XML.",
)
@click.option(
    "--from-here",
    cls=options.ClusterOption,
    is_flag=True,
    help="Run the tests on this machine, through port-forwards, instead of in a Job.",
)
@options.output
@click.pass_obj
def command(shared: Shared, lists: bool, tests: tuple[str, ...], junit: Path | None, from_here: bool) -> None:
    """Check that every server responds and returns what is stored.

    On a cluster, a Job logs a few records in a workspace of their own, unless
    they exist already, and reads them back. With --local, the demo is read.

    The exit code is 0 if every check passed, else 1.
    """
    if lists:
        _list(shared)
        return
    if shared.local:
        from kubeflow_metadata.installer.verbs.smoke_local import smoke_local

        passed = smoke_local(shared.data_dir, tests, junit, shared.terminal)
    else:
        from kubeflow_metadata.installer.verbs.smoke import Wish, smoke

        passed = smoke(shared.target, shared.terminal, Wish(tests, junit, from_here))
    sys.exit(0 if passed else 1)


def _list(shared: Shared) -> None:
    from kubeflow_metadata.installer.terminal import table
    from kubeflow_metadata.smoke.checks import TESTS

    listed = {name: title.format(logged="what was logged") for name, title in TESTS.items()}
    shared.terminal.result({"tests": listed}, table(list(listed.items()), ("TEST", "CHECKS THAT")))
