"""``python -m kubeflow_metadata.database_secret``: before MySQL starts in a cluster, it fills the Secret, once.

It runs as the initContainer of MySQL, the only container with a token for the API server, and is configured by
environment variables. Standard library only.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from kubeflow_metadata.database_secret.api import Secrets
from kubeflow_metadata.database_secret.ensure import ensure_secret, write_credentials
from kubeflow_metadata.database_secret.volume import Volume
from kubeflow_metadata.errors import UserError

# What `kubectl describe pod` shows as the reason.
_TERMINATION_LOG = Path("/dev/termination-log")


# What it needs of its environment, and where that comes from.
_NEEDED = {
    "KFM_SECRET_NAME": "the Secret with the passwords",
    "KFM_SECRET_VOLUME": "the directory where MySQL's volume is mounted",
    "KFM_SECRET_CREDENTIALS": "the directory to write the passwords to, for the MySQL container",
}
_API_SERVER = "KFM_SECRET_API_SERVER"
# Kubernetes sets these in every pod.
_IN_PODS = ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")
_BESIDE = "KFM_SECRET_BESIDE_UPSTREAM_DATA"
_THEIRS = "KFM_SECRET_IS_THEIRS"


def main() -> int:
    """Returns the exit code: 0 if MySQL may start."""
    _parse_arguments()
    environment = {name: os.environ.get(name, "") for name in (*_NEEDED, *_IN_PODS, _API_SERVER, _BESIDE, _THEIRS)}
    missing = [name for name in _NEEDED if not environment[name]]
    if not environment[_API_SERVER]:
        missing += [name for name in _IN_PODS if not environment[name]]
    if missing:
        return _stop(
            f"{', '.join(missing)} not set: this program runs in the MySQL pod, as its initContainer, which sets what "
            "it needs. For what that is, run: python -m kubeflow_metadata.database_secret --help"
        )
    host, port = (environment[name] for name in _IN_PODS)
    url = environment[_API_SERVER] or f"https://{f'[{host}]' if ':' in host else host}:{port}"
    try:
        values = ensure_secret(
            Secrets(url),
            environment["KFM_SECRET_NAME"],
            Volume(Path(environment["KFM_SECRET_VOLUME"])),
            beside_upstream_data=environment[_BESIDE] == "true",
            is_theirs=environment[_THEIRS] == "true",
            say=_say,
        )
        write_credentials(values, Path(environment["KFM_SECRET_CREDENTIALS"]))
    except UserError as error:
        return _stop(f"{error} {error.hint}".strip())
    except OSError as error:
        return _stop(f"Cannot use the volume: {error}. Does its StorageClass support fsGroup?")
    _say("The Secret is filled; MySQL can start.")
    return 0


def _parse_arguments() -> None:
    described = [
        *(f"  {name}: {meaning} (required)" for name, meaning in _NEEDED.items()),
        f"  {' and '.join(_IN_PODS)}: the API server; set in every pod",
        f"  {_API_SERVER}: the URL of another API server",
        f"  {_BESIDE}: true to start empty on a volume with another MySQL's data",
        f"  {_THEIRS}: true if the Secret is not of this installation, and only read",
    ]
    parser = argparse.ArgumentParser(
        prog="python -m kubeflow_metadata.database_secret",
        description="Creates the Secret with MySQL's passwords, once. The initContainer of the MySQL pod.",
        epilog="\n".join(["environment variables:", *described]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args()


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _stop(reason: str) -> int:
    _say(reason)
    if _TERMINATION_LOG.exists():
        _TERMINATION_LOG.write_text(reason)
    return 1


if __name__ == "__main__":
    sys.exit(main())
