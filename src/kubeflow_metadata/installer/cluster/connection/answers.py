"""What an API server answers when it refuses, or why it cannot be asked, as a sentence with what to do."""

from __future__ import annotations

import json
import re
import shlex
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.port import ConflictError, ForbiddenError, RejectedError, UnreachableError

_CONFLICTS = {
    "create": "{what} exists already.",
    "replace": "{what} was changed since it was read.",
    "delete": "{what} is another one by now, or was changed.",
}
_WEBHOOK = re.compile(r'failed calling webhook "([^"]+)"')
_DENIAL = re.compile(r'admission webhook "([^"]+)" denied the request')
_ANOTHER_CONTEXT = "Check that it is running, or select another one with --context."
# A server that goes away says no more than that.
_HUNG_UP = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
# What OpenSSL says about a certificate, by its number.
_EXPIRED, _NOT_YET_VALID, _WRONG_NAMES, _UNTRUSTED = 10, 9, {62, 64}, {18, 19, 20, 21}


@dataclass(frozen=True)
class Where:
    """Which server is asked, for sentences about it.

    Attributes:
        server: its address.
        context: of the kubeconfig; empty inside a pod.
        namespace: of the installation.
        file: where the address stands.
        proxy: that it is asked through, without credentials; empty for none.
    """

    server: str = "the API server"
    context: str = ""
    namespace: str = ""
    file: str = "the kubeconfig"
    proxy: str = ""

    @property
    def kubectl(self) -> str:
        """How hints call kubectl."""
        context = ["--context", self.context] if self.context else []
        return shlex.join(["kubectl", *context, "-n", self.namespace])


class NotAnApiServerError(UnreachableError):
    """Something answers at the address that is no API server: a proxy, a login page."""

    def __init__(self, where: Where) -> None:
        """Names the server."""
        super().__init__(
            f"What answers at {where.server} is not the API server of a cluster.",
            details=f"It was asked through the proxy {where.proxy}." if where.proxy else "",
            hint=f"Check the address in {where.file}, or select another context with --context.",
        )


@contextmanager
def explained(verb: str, what: str, where: Where | None = None) -> Iterator[None]:
    """Turns what the client raises into sentences."""
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (ApiException, HTTPError, OSError) as error:
        raise explanation(error, verb, what, where or Where()) from error


def explanation(error: Exception, verb: str, what: str, where: Where) -> UserError:
    """Returns what the client raised as a sentence."""
    status = getattr(error, "status", None)
    # The client reports trouble with TLS as an answer without a status.
    return refusal(error, verb, what, where) if status else no_connection(error, where)


def refusal(error: Any, verb: str, what: str, where: Where) -> UserError:
    """Returns the sentence about an answer that is not what was asked for."""
    message = message_of(error)
    if error.status == 401:
        return UserError(
            "Not authenticated to the cluster (401).",
            details=message,
            hint=f"The credentials in {where.file} were rejected by {where.server}; they may have expired.\n"
            "Log in again, or select another context with --context.",
        )
    if matched := _WEBHOOK.search(message):
        return RejectedError(
            f"The admission webhook {matched[1]} does not respond, without which the cluster does not accept {what}.",
            details=message,
            hint=f"Ask its owner, or see: {where.kubectl} get validatingwebhookconfigurations,"
            "mutatingwebhookconfigurations",
        )
    if matched := _DENIAL.search(message):
        return RejectedError(f"The admission webhook {matched[1]} rejected {what}.", details=message)
    if error.status == 403 and not _is_by_admission(message):
        return ForbiddenError(
            f"Permission denied: cannot {verb} {what}.",
            details=message,
            hint="Ask an administrator of the cluster for this permission. "
            f"What you may do: {where.kubectl} auth can-i --list",
        )
    if error.status == 409:
        about = _CONFLICTS.get(verb, "{what} has fields that another manager owns.")
        return ConflictError(about.format(what=what), details=message)
    if 300 <= error.status < 400:
        return NotAnApiServerError(where)
    if error.status == 429 or error.status >= 500:
        return UnreachableError(
            f"The API server cannot {verb} {what} now ({error.status}).",
            details=message,
            hint=f"Try again. For its state, run: {where.kubectl} get --raw '/readyz?verbose'",
        )
    return RejectedError(f"The cluster rejected {what}.", details=message, hint=_after_rejection(message))


def no_connection(error: BaseException, where: Where) -> UserError:
    """Returns the sentence about a server that could not be asked."""
    causes = _causes(error)
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _certificate_problem(cause, where)
    names = {type(cause).__name__ for cause in causes}
    if where.proxy and "ProxyError" in names:
        return UnreachableError(
            f"The proxy {where.proxy} does not connect to {where.server}.",
            details=_last_words(causes),
            hint="Correct HTTPS_PROXY or HTTP_PROXY, or add the server's host to NO_PROXY.",
        )
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            return _tls_problem(cause, where)
    return UnreachableError(
        f"The cluster does not respond: {_reason(causes, names)} ({where.server}).",
        details="" if _is_plain(causes, names) else _last_words(causes),
        hint=_ANOTHER_CONTEXT + (f"\nIts address is in {where.file}." if where.context else ""),
    )


def is_about_tls(error: BaseException) -> bool:
    """Returns whether asking again cannot help, because the two do not trust each other."""
    return any(isinstance(cause, ssl.SSLError) and not isinstance(cause, _HUNG_UP) for cause in _causes(error))


def was_not_sent(error: BaseException) -> bool:
    """Returns whether the server cannot have read the request."""
    names = {type(cause).__name__ for cause in _causes(error)}
    return bool(names & {"NewConnectionError", "NameResolutionError", "ConnectTimeoutError"}) or any(
        isinstance(cause, ConnectionRefusedError | socket.gaierror) for cause in _causes(error)
    )


def message_of(error: Any) -> str:
    """Returns what the API server says about its refusal."""
    try:
        return str(json.loads(error.body)["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.status} {error.reason}"


def _is_by_admission(message: str) -> bool:
    """Returns whether a 403 is about what was sent, such as a quota, and not about who sent it."""
    return "is forbidden: " in message and "is forbidden: User " not in message


def _certificate_problem(error: ssl.SSLCertVerificationError, where: Where) -> UserError:
    code, server = error.verify_code, where.server
    details = error.verify_message
    if code in {_EXPIRED, _NOT_YET_VALID}:
        state = "has expired" if code == _EXPIRED else "is not valid yet"
        return UnreachableError(
            f"The certificate of {server} {state}.", hint="Renew it, or correct the clock of this machine."
        )
    if code in _WRONG_NAMES:
        return UnreachableError(
            f"The certificate of {server} is for another name.",
            details=details,
            hint=f"Use a name of the certificate as the server in {where.file}, or set tls-server-name there.",
        )
    if code in _UNTRUSTED:
        through = f" through the proxy {where.proxy}" if where.proxy else ""
        return UnreachableError(
            f"The certificate of {server} is not signed by a trusted CA{through}.",
            details=details,
            hint=f"Set certificate-authority-data of the cluster in {where.file}, or get a new kubeconfig: the "
            "cluster may have been created again.",
        )
    return UnreachableError(f"The certificate of {server} is invalid.", details=details)


def _tls_problem(error: ssl.SSLError, where: Where) -> UserError:
    reason = (error.reason or str(error)).replace("_", " ").lower()
    if "wrong version number" in reason or "http request" in reason or "record layer" in reason:
        return UnreachableError(
            f"{where.server} does not speak TLS.", hint=f"Correct the address or the port in {where.file}."
        )
    if "alert" in reason or isinstance(error, _HUNG_UP):
        return UnreachableError(
            f"{where.server} ended the TLS handshake.",
            details=reason,
            hint="If it is restarting, try again in a moment. Otherwise it may have rejected the client certificate "
            f"in {where.file}: log in again.",
        )
    return UnreachableError(f"TLS to {where.server} failed.", details=reason)


def _reason(causes: list[BaseException], names: set[str]) -> str:
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return "connection refused"
    if "NameResolutionError" in names or any(isinstance(cause, socket.gaierror) for cause in causes):
        return "its name cannot be resolved"
    if names & {"ConnectTimeoutError", "ReadTimeoutError", "TimeoutError"}:
        return "timeout"
    if names & {"ConnectionResetError", "RemoteDisconnected", "IncompleteRead"}:
        return "it closed the connection"
    return "no connection"


def _is_plain(causes: list[BaseException], names: set[str]) -> bool:
    """Returns whether there is nothing to add to the reason."""
    return _reason(causes, names) != "no connection"


def _last_words(causes: list[BaseException]) -> str:
    """Returns what the innermost cause says."""
    innermost = causes[-1]
    return str(getattr(innermost, "strerror", None) or innermost) or type(innermost).__name__


def _causes(error: BaseException) -> list[BaseException]:
    """Returns an error and what caused it, the innermost last."""
    causes: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop(0)
        if isinstance(cause, BaseException) and all(cause is not each for each in causes):
            causes.append(cause)
            arguments = [each for each in cause.args if isinstance(each, BaseException)]
            more = [getattr(cause, "reason", None), getattr(cause, "original_error", None)]
            waiting += [*more, *arguments, cause.__cause__ or cause.__context__]
    return causes


def _after_rejection(message: str) -> str:
    if "storage" in message and "less than" in message:
        return "A PersistentVolumeClaim can only grow: set mysql.storage.size to its current size or more."
    if "spec is immutable after creation" in message:
        return (
            "PersistentVolumeClaim metadata-mysql is immutable: restore the mysql.storage settings it was created with."
        )
    return ""


def what_provides(api_version: str) -> str:
    """Returns what has to be installed for a kind that the cluster lacks."""
    if api_version.startswith("monitoring.coreos.com/"):
        return "Install the Prometheus Operator first, or set monitoring.enabled to false."
    if api_version.startswith("gateway.networking.k8s.io/"):
        return "Install the Gateway API's CRDs first, or set gatewayApi.enabled to false."
    if "istio.io/" in api_version:
        return "Install Istio first, or set istio.enabled to false."
    return "Kubernetes 1.28 or newer is required."
