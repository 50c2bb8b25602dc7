"""The calls to the API server about one Secret: read it, fill it, keep its values from being emptied by others."""

from __future__ import annotations

import base64
import binascii
import json
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

from kubeflow_metadata.errors import UserError

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_TIMEOUT_SECONDS = 10.0
_LONGEST_PAUSE_SECONDS = 10.0
# Who owns the values. Whoever applies the empty Secret of the manifests does not own them, so leaves them alone.
FIELD_MANAGER = "metadata-db-secret"
# Where `kubectl apply` notes what it applied, and removes later what is no longer in its file.
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class ApiError(UserError):
    """The API server refused; waiting will not help."""


@dataclass(frozen=True)
class Secret:
    """A Secret as it was read.

    Attributes:
        values: its data, decoded; values that are not UTF-8 are left out.
        version: its resource version.
        is_noted: whether ``kubectl apply`` noted values of it, and would remove them.
    """

    values: dict[str, str] = field(default_factory=dict)
    version: str = ""
    is_noted: bool = False


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

    def read(self, name: str) -> Secret | None:
        """Returns a Secret; None if there is none."""
        status, document = self._ask("GET", f"/{name}")
        return None if status == 404 else _secret(document)

    def own(self, name: str, values: Mapping[str, str], secret: Secret) -> bool:
        """Sets values by server-side apply, and so owns them; returns False if the Secret has changed since.

        Args:
            name: of the Secret.
            values: to set.
            secret: what was read before.
        """
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        metadata = {"name": name, "resourceVersion": secret.version}
        applied = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
        query = f"?fieldManager={FIELD_MANAGER}&force=true"
        # Of YAML, which server-side apply takes, JSON is a part.
        status, _ = self._ask("PATCH", f"/{name}{query}", applied, "application/apply-patch+yaml")
        if status != 200:
            return False
        if secret.is_noted:
            note = {"metadata": {"annotations": {LAST_APPLIED: None}}}
            status, _ = self._ask("PATCH", f"/{name}{query.partition('&')[0]}", note, "application/merge-patch+json")
        return status == 200

    def _ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, content_type: str = "application/json"
    ) -> tuple[int, dict[str, Any]]:
        deadline = time.monotonic() + self.patience
        pause = 0.5
        while True:
            try:
                return self._ask_once(method, path, body, content_type)
            except (OSError, ValueError, HTTPException) as error:
                if time.monotonic() > deadline:
                    raise ApiError(f"The API server at {self.url} does not respond: {error}") from error
                sys.stderr.write(f"The API server at {self.url} does not respond yet: {error}\n")
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def _ask_once(
        self, method: str, path: str, body: dict[str, Any] | None, content_type: str
    ) -> tuple[int, dict[str, Any]]:
        # The token is read each time: the kubelet rotates it.
        request = urllib.request.Request(  # noqa: S310
            f"{self.url}/api/v1/namespaces/{self.namespace}/secrets{path}",
            method=method,
            data=json.dumps(body).encode() if body else None,
            headers={
                "Authorization": f"Bearer {self._of_account('token')}",
                "Content-Type": content_type,
                "Accept": "application/json",
            },
        )
        try:
            with self._opener().open(request, timeout=_TIMEOUT_SECONDS) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            # Deleted or changed by another client meanwhile; whoever asked reads it again.
            if (error.code, method) in {(404, "GET"), (404, "PATCH"), (409, "PATCH")}:
                return error.code, {}
            if error.code in {400, 401, 403, 422}:
                raise ApiError(f"The API server rejected {method} of the Secret: {_message(error)}") from error
            raise OSError(f"{error.code} {error.reason}") from error

    def _opener(self) -> urllib.request.OpenerDirector:
        # A proxy that the environment names is the way out of the cluster: it may not know the API server.
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if self.url.startswith("https:"):
            trust = ssl.create_default_context(cafile=self.account / "ca.crt")
            handlers.append(urllib.request.HTTPSHandler(context=trust))
        return urllib.request.build_opener(*handlers)


def _secret(document: dict[str, Any]) -> Secret:
    metadata = document.get("metadata") or {}
    values = {}
    for key, text in (document.get("data") or {}).items():
        try:
            values[key] = base64.b64decode(text).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    noted = (metadata.get("annotations") or {}).get(LAST_APPLIED, "")
    return Secret(values, metadata.get("resourceVersion", ""), _has_values(noted))


def _has_values(noted: str) -> bool:
    try:
        document = json.loads(noted) if noted else {}
    except ValueError:
        return True
    return bool(document.get("data") or document.get("stringData")) if isinstance(document, dict) else True


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.code} {error.reason}"
