"""Credentials that a program prints, as kubeconfigs of clouds have them (client.authentication.k8s.io)."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.connection.kubeconfig_files import Access, Entry

# Where nobody can be asked. With a terminal it may wait for somebody to log in.
_SECONDS = 120
_LAST_LINES, _LONGEST_LINE = 10, 300
_CLUSTER_FIELDS = (
    "server",
    "tls-server-name",
    "insecure-skip-tls-verify",
    "certificate-authority-data",
    "proxy-url",
    "disable-compression",
)
_EXTENSION = "client.authentication.k8s.io/exec"


@dataclass(frozen=True)
class Printed:
    """What a plugin printed: a token, or a certificate with its key, and until when it is valid."""

    token: str
    certificate: str
    key: str
    expires: datetime | None


def run(access: Access, user: Entry) -> Printed:
    """Runs the plugin of a user.

    Raises:
        UserError: it is not there, failed, or printed something else.
    """
    plugin = user.content["exec"]
    command = plugin.get("command") if isinstance(plugin, dict) else None
    if not isinstance(plugin, dict) or not command or not plugin.get("apiVersion"):
        raise UserError(
            f"The credential plugin of user {user.name} in {user.file} is incomplete.",
            hint="Its exec section needs a command and an apiVersion.",
        )
    subject = f"The credential plugin {command} of user {user.name}"
    program = str(user.file.absolute().parent / command) if os.sep in command else str(command)
    interactive = plugin.get("interactiveMode") != "Never" and sys.stdin is not None and sys.stdin.isatty()
    try:
        done = subprocess.run(
            [program, *map(str, plugin.get("args") or [])],
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if interactive else subprocess.PIPE,
            env={**os.environ, **_environment(plugin), "KUBERNETES_EXEC_INFO": _request(access, plugin, interactive)},
            text=True,
            errors="replace",
            timeout=None if interactive else _SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise UserError(
            f"{subject} is not installed.",
            details=str(plugin.get("installHint") or ""),
            hint=f"Install it, or select another context with --context. The kubeconfig is {user.file}.",
        ) from error
    except OSError as error:
        raise UserError(f"{subject} cannot be run: {error.strerror}.", hint=f"See {user.file}.") from error
    except subprocess.TimeoutExpired as error:
        raise UserError(
            f"{subject} did not end within {_SECONDS} s.", hint=f"Log in by hand first: {program}"
        ) from error
    if done.returncode:
        raise UserError(
            f"{subject} failed (exit code {done.returncode}).",
            details=_end_of(done.stderr or ""),
            hint="Log in again, or select another context with --context.",
        )
    try:
        return _parsed(done.stdout, str(plugin["apiVersion"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        # Never what it printed: that may be a token.
        reason = str(error) if isinstance(error, _OutputError) else "not an ExecCredential"
        raise UserError(
            f"{subject} printed no credentials: {reason}.",
            hint=f"Update it, or correct its apiVersion in {user.file}.",
        ) from None


class _OutputError(ValueError):
    """What a plugin printed lacks something."""


def _environment(plugin: Mapping[str, Any]) -> dict[str, str]:
    return {str(each["name"]): str(each.get("value", "")) for each in plugin.get("env") or [] if "name" in each}


def _request(access: Access, plugin: Mapping[str, Any], interactive: bool) -> str:
    spec: dict[str, Any] = {"interactive": interactive}
    if plugin.get("provideClusterInfo"):
        cluster = access.cluster.content
        spec["cluster"] = {key: cluster[key] for key in _CLUSTER_FIELDS if key in cluster}
        authority = cluster.get("certificate-authority")
        if authority and "certificate-authority-data" not in cluster and Path(authority).is_file():
            spec["cluster"]["certificate-authority-data"] = base64.b64encode(Path(authority).read_bytes()).decode()
        for extension in cluster.get("extensions") or []:
            if extension.get("name") == _EXTENSION:
                spec["cluster"]["config"] = extension.get("extension")
    return json.dumps({"apiVersion": plugin["apiVersion"], "kind": "ExecCredential", "spec": spec})


def _parsed(output: str, api_version: str) -> Printed:
    document = json.loads(output)
    if document.get("kind") != "ExecCredential":
        raise _OutputError("not an ExecCredential")
    if document.get("apiVersion") != api_version:
        raise _OutputError(f"its apiVersion is {document.get('apiVersion')}, not {api_version}")
    status = document.get("status") or {}
    token, certificate, key = (
        str(status.get(name) or "") for name in ("token", "clientCertificateData", "clientKeyData")
    )
    if not token and not (certificate and key):
        raise _OutputError("it has neither a token nor a certificate with its key")
    expires = status.get("expirationTimestamp")
    return Printed(token, certificate, key, _time(str(expires)) if expires else None)


def _time(text: str) -> datetime:
    # Fractions of a second have any number of digits, which Python before 3.11 does not read.
    time = datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00"))
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def _end_of(text: str) -> str:
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(line[:_LONGEST_LINE] for line in lines[-_LAST_LINES:])
