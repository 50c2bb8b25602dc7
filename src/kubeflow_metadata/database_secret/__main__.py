"""``python -m kubeflow_metadata.database_secret``: before MySQL starts in a cluster, it fills the Secret, once.

It runs as the initContainer of MySQL, the only container with a token for the API server, and is configured by
environment variables. Standard library only.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from kubeflow_metadata.database_secret.api import Secrets
from kubeflow_metadata.database_secret.ensure import ensure_secret, write_credentials
from kubeflow_metadata.database_secret.volume import Volume
from kubeflow_metadata.errors import UserError

# What `kubectl describe pod` shows as the reason.
_TERMINATION_LOG = Path("/dev/termination-log")


def main() -> int:
    """Returns the exit code: 0 if MySQL may start."""
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    url = f"https://{f'[{host}]' if ':' in host else host}:{port}"
    try:
        values = ensure_secret(
            Secrets(os.environ.get("KFM_SECRET_API_SERVER", url)),
            os.environ["KFM_SECRET_NAME"],
            Volume(Path(os.environ["KFM_SECRET_VOLUME"])),
            beside_upstream_data=os.environ.get("KFM_SECRET_BESIDE_UPSTREAM_DATA") == "true",
            is_theirs=os.environ.get("KFM_SECRET_IS_THEIRS") == "true",
            say=_say,
        )
        write_credentials(values, Path(os.environ["KFM_SECRET_CREDENTIALS"]))
    except UserError as error:
        return _stop(f"{error} {error.hint}".strip())
    except OSError as error:
        return _stop(f"Cannot use the volume: {error}. Does its StorageClass support fsGroup?")
    _say("The Secret is filled; MySQL can start.")
    return 0


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
