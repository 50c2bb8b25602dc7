"""Parses ``check``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from kubeflow_metadata.installer.cli import options
from kubeflow_metadata.installer.cli.options import Shared


@click.command("check", cls=options.Verb)
@options.settings
@options.reset_settings
@options.cluster
@click.option(
    "--pre",
    "before",
    is_flag=True,
    cls=options.ClusterOption,
    help="Check what an installation with these settings needs, before anything is installed.",
)
@click.option(
    "--engine",
    cls=options.ClusterOption,
    type=options.ENGINES,
    help="Tool that will install. [default: the one that installed it; else kustomize]",
)
@click.option(
    "--probe",
    is_flag=True,
    cls=options.ClusterOption,
    help="Also try the external database, from a Job in the cluster that is deleted afterwards.",
)
@click.option(
    "--print-role",
    is_flag=True,
    cls=options.ClusterOption,
    help="Print only the Role, as YAML, with the missing permissions.",
)
@click.option(
    "--wait",
    type=click.FloatRange(0),
    default=0,
    show_default=True,
    metavar="SECONDS",
    help="Check again until nothing fails, for at most this long.",
)
@options.local
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "short", "json"]),
    default="table",
    show_default=True,
    help="Output format; short shows only what is not as it should be.",
)
@click.option(
    "--junit",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write the results as JUnit XML.",
)
@click.pass_obj
def command(
    shared: Shared,
    /,
    before: bool,
    engine: str | None,
    probe: bool,
    print_role: bool,
    wait: float,
    junit: Path | None,
) -> None:
    """Check the cluster, or the installation.

    With --pre: whether the cluster, the namespace and your permissions allow an installation. Without it: whether the
    installation works, with one read through each server. Changes nothing and creates nothing, except for the Job of
    --probe. Codes such as KFM0101 are explained in docs/checks.md.

    The exit code is 0 if nothing failed, 1 if something did, and 3 if something could not be checked.
    """
    from kubeflow_metadata.installer.cluster.checks.report import Shown

    shown = Shown(short=shared.output == "short", junit=junit)
    if shared.local:
        from kubeflow_metadata.installer.verbs.check_local import check_local

        sys.exit(check_local(shared.data_dir, wait, shown, shared.terminal))
    from kubeflow_metadata.installer.verbs.check import Wanted, check
    from kubeflow_metadata.installer.verbs.check import print_role as print_only_role

    if print_role:
        print_only_role(shared.target, engine, shared.terminal)
    else:
        wanted = Wanted(before=before, engine=engine, seconds=wait, probe=probe)
        sys.exit(check(shared.target, wanted, shown, shared.terminal))
