"""The two calls to the API server: read a Secret, create it."""

from __future__ import annotations

import base64
import json
import ssl
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubeflow_metadata.errors import UserError

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_TIMEOUT_SECONDS = 10.0
_LONGEST_PAUSE_SECONDS = 10.0


class ApiError(UserError):
    """The API server refused; waiting will not help."""


@dataclass(frozen=True)
class Secrets:
    """Secrets of one namespace.

    Attributes:
        url: of the API server.
        account: the directory with token, ca.crt and namespace.
        patience: seconds for which an API server that does not respond is asked again.
    """

    url: str
    account: Path = _ACCOUNT
    patience: float = 300.0

    @property
    def namespace(self) -> str:
        return self._of_account("namespace")

    def _of_account(self, file: str) -> str:
        try:
            return (self.account / file).read_text().strip()
        except FileNotFoundError as error:
            raise ApiError(
                f"{error.filename} is missing: this program runs in the MySQL pod, whose initContainer has a token of "
                "its ServiceAccount."
            ) from error

    def read(self, name: str) -> dict[str, str] | None:
        """Returns the values of a Secret; None where there is none."""
        status, document = self._ask("GET", f"/{name}")
        if status == 404:
            return None
        data: dict[str, str] = document.get("data") or {}
        return {key: base64.b64decode(text).decode() for key, text in data.items()}

    def create(self, name: str, values: dict[str, str], labels: dict[str, str]) -> bool:
        """Creates a Secret; returns False where another pod was faster."""
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "labels": labels},
            "type": "Opaque",
            "stringData": values,
        }
        status, _ = self._ask("POST", "", secret)
        return status != 409

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        deadline = time.monotonic() + self.patience
        pause = 0.5
        while True:
            try:
                return self._ask_once(method, path, body)
            except (OSError, ValueError) as error:
                if time.monotonic() > deadline:
                    raise ApiError(f"The API server at {self.url} does not respond: {error}") from error
                sys.stderr.write(f"The API server at {self.url} does not respond yet: {error}\n")
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def _ask_once(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, dict[str, Any]]:
        # The token is read each time: the kubelet rotates it.
        request = urllib.request.Request(  # noqa: S310
            f"{self.url}/api/v1/namespaces/{self.namespace}/secrets{path}",
            method=method,
            data=json.dumps(body).encode() if body else None,
            headers={
                "Authorization": f"Bearer {self._of_account('token')}",
                "Content-Type": "application/json",
                "Accept": "application/json",
            },
        )
        trust = ssl.create_default_context(cafile=self.account / "ca.crt") if self.url.startswith("https:") else None
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS, context=trust) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code in {404, 409} and _is_about_secrets(error, method):
                return error.code, {}
            if error.code in {401, 403, 404, 422}:
                raise ApiError(f"The API server rejected {method} of the Secret: {_message(error)}") from error
            raise OSError(f"{error.code} {error.reason}") from error


def _is_about_secrets(error: urllib.error.HTTPError, method: str) -> bool:
    # A missing namespace is 404, too, but to a POST.
    return (error.code, method) in {(404, "GET"), (409, "POST")}


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.code} {error.reason}"
