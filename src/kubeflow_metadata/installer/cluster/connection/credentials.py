"""As whom a cluster is asked: what a user entry of a kubeconfig says, kept fresh for as long as a command runs.

An identity is never dropped: an entry that cannot be used is an error, since asking as nobody would end in refusals
that say nothing about the reason.
"""

from __future__ import annotations

import base64
import binascii
import os
import shutil
import ssl
import tempfile
import threading
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.connection import exec_plugin
from kubeflow_metadata.installer.cluster.connection.kubeconfig_files import Access, Entry
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock

# A service account's token is replaced in its file long before it expires.
_READ_AGAIN_AFTER = 60.0
# Credentials that end so soon are renewed before they are used.
_SPARE_SECONDS = 30.0
# kubectl removed those of clouds, too.
_PLUGINS = {"gcp": "gke-gcloud-auth-plugin", "azure": "kubelogin"}


class Scratch:
    """Files for this process alone, which are gone when it ends."""

    def __init__(self) -> None:
        """Creates a directory.

        Raises:
            UserError: there is no place for temporary files.
        """
        try:
            self.path = Path(tempfile.mkdtemp(prefix="kubeflow-metadata-"))
        except OSError as error:
            raise UserError(
                f"Cannot create a temporary directory: {error.strerror}.", hint="Set TMPDIR to a writable directory."
            ) from error
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def file(self, name: str, content: bytes) -> str:
        """Writes a file that only this user may read; returns its path."""
        path = self.path / name
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        return str(path)


class Credentials:
    """What a context's user is known by."""

    def __init__(self, access: Access | None, clock: Clock = SYSTEM_CLOCK) -> None:
        """Knows nobody yet; ``apply`` does. Without ``access``, somebody else takes care of them."""
        self._access = access
        self._clock = clock
        self._scratch = Scratch()
        self._lock = threading.RLock()
        self._token_file = ""
        self._read_at = 0.0
        self._printed: exec_plugin.Printed | None = None
        self._configuration: Any = None

    def apply(self, configuration: Any) -> dict[str, str]:
        """Puts them into a ``kubernetes.client.Configuration``; returns headers to send as well.

        Raises:
            UserError: the entry of the user cannot be used.
        """
        self._configuration = configuration
        user = self._access.user if self._access else None
        if user is None or not user.content:
            return {}
        self._apply_certificate(user)
        self._apply_token(user)
        content = user.content
        if not (configuration.api_key or configuration.cert_file):
            known = "a token, a client certificate, a user name with a password, or a plugin"
            keys = ", ".join(sorted(map(str, content)))
            raise UserError(
                f"The user {user.name} in {user.file} has no usable credentials: it has {keys}, and neither {known}.",
                hint="Log in again, or select another context with --context.",
            )
        return _impersonation(user)

    def refresh(self, client: Any) -> None:
        """Renews what ends soon; called before each request."""
        with self._lock:
            if self._token_file and self._clock.monotonic() - self._read_at >= _READ_AGAIN_AFTER:
                self._read_token()
            if self._printed and self._printed.expires:
                left = (self._printed.expires - self._clock.now()).total_seconds()
                if left <= _SPARE_SECONDS:
                    self.renew(client, self.current)

    @property
    def current(self) -> object:
        """What a request is made with just now, to be compared with what it was then."""
        key = self._configuration.api_key.get("authorization") if self._configuration else None
        return key, self._printed

    def renew(self, client: Any, rejected: object) -> bool:
        """Renews what the cluster rejected; returns whether there is something new to ask with.

        Args:
            client: has connections that may have to be made again.
            rejected: what was ``current`` when the request was made.
        """
        with self._lock:
            if rejected != self.current:
                return True  # another thread was faster
            if self._token_file:
                before = self._configuration.api_key.get("authorization")
                self._read_token()
                return bool(self._configuration.api_key.get("authorization") != before)
            if self._printed is None or self._access is None or self._access.user is None:
                return False
            before_printed = self._printed
            self._run_plugin(self._access.user)
            if before_printed.certificate != self._printed.certificate:
                client.rest_client.pool_manager.clear()  # connections have the old one
            return before_printed != self._printed

    def _apply_certificate(self, user: Entry) -> None:
        certificate = self._file(user, "client-certificate")
        key = self._file(user, "client-key")
        if bool(certificate) != bool(key):
            there, missing = ("client-certificate", "client-key")[:: 1 if certificate else -1]
            raise UserError(f"The user {user.name} in {user.file} has a {there} and no {missing}.")
        if certificate and key:
            _check_pair(certificate, key, user)
            self._configuration.cert_file, self._configuration.key_file = certificate, key

    def _apply_token(self, user: Entry) -> None:
        content, keys = user.content, self._configuration.api_key
        if content.get("tokenFile"):
            self._token_file = str(content["tokenFile"])
            self._read_token()
        elif content.get("token"):
            keys["authorization"] = f"Bearer {str(content['token']).strip()}"
        elif content.get("exec"):
            self._run_plugin(user)
        elif content.get("username") and content.get("password") is not None:
            pair = f"{content['username']}:{content['password']}".encode()
            keys["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        elif content.get("auth-provider"):
            self._apply_provider(user)

    def _read_token(self) -> None:
        try:
            token = Path(self._token_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise UserError(f"Cannot read the token of {self._owner()}: {self._token_file}: {reason}.") from error
        if not token:
            raise UserError(f"The file with the token of {self._owner()} is empty: {self._token_file}.")
        self._configuration.api_key["authorization"] = f"Bearer {token}"
        self._read_at = self._clock.monotonic()

    def _run_plugin(self, user: Entry) -> None:
        if self._access is None:
            return
        printed = exec_plugin.run(self._access, user)
        if printed.token:
            self._configuration.api_key["authorization"] = f"Bearer {printed.token}"
        if printed.certificate and printed.key:
            certificate = self._scratch.file("plugin.crt", printed.certificate.encode())
            key = self._scratch.file("plugin.key", printed.key.encode())
            _check_pair(certificate, key, user)
            self._configuration.cert_file, self._configuration.key_file = certificate, key
        self._printed = printed

    def _apply_provider(self, user: Entry) -> None:
        """Has the client's own support of OpenID Connect log in; it knows no other provider."""
        from kubernetes import client, config

        provider = user.content["auth-provider"]
        name = str(provider.get("name") or "") if isinstance(provider, dict) else ""
        subject = f"The user {user.name} in {user.file} logs in with the auth-provider {name}"
        if name != "oidc":
            instead = f", such as {_PLUGINS[name]}" if name in _PLUGINS else ""
            raise UserError(f"{subject}, which kubectl removed.", hint=f"Use a credential plugin{instead}.")
        loaded, untyped_config = client.Configuration(), config
        document = {
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "clusters": [{"name": "it", "cluster": {"server": "http://localhost"}}],
            "users": [{"name": "it", "user": {"auth-provider": provider}}],
        }
        load: Any = untyped_config.load_kube_config_from_dict
        try:
            load(document, context="it", client_configuration=loaded, persist_config=False)
        except Exception as error:  # whatever its libraries raise
            raise UserError(f"{subject}, which failed: {type(error).__name__}.", hint="Log in again.") from error
        token = loaded.api_key.get("BearerToken") or loaded.api_key.get("authorization")
        if not token:
            raise UserError(f"{subject}, but its token is not valid.", hint="Log in again.")
        self._configuration.api_key["authorization"] = token

    def _file(self, entry: Entry, key: str) -> str:
        """Returns the path of a file that an entry names or has in itself; empty where it has none."""
        return file_of(entry, key, self._scratch)

    def _owner(self) -> str:
        user = self._access.user if self._access else None
        return f"user {user.name} in {user.file}" if user else "this pod"


def file_of(entry: Entry, key: str, scratch: Scratch) -> str:
    """Returns the path of a file that an entry of a kubeconfig names or has in itself; empty where it has none.

    Raises:
        UserError: it cannot be read.
    """
    if data := entry.content.get(f"{key}-data"):
        try:
            return scratch.file(key, base64.b64decode(str(data), validate=True))
        except (binascii.Error, ValueError) as error:
            raise UserError(f"{key}-data of {entry.name} in {entry.file} is not valid base64.") from error
    path = str(entry.content.get(key) or "")
    if path:
        try:
            with open(path, "rb") as file:  # noqa: PTH123
                file.read(1)
        except OSError as error:
            raise UserError(
                f"Cannot read the {key} of {entry.name} in {entry.file}: {path}: {error.strerror}.",
                hint="Log in again, or correct the path.",
            ) from error
    return path


def _check_pair(certificate: str, key: str, user: Entry) -> None:
    try:
        # A key that is encrypted would make OpenSSL ask for its password.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password=lambda: b"")
    except (ssl.SSLError, ValueError, OSError) as error:
        reason = getattr(error, "reason", "") or "it is not valid PEM, or its key is encrypted"
        raise UserError(
            f"The client certificate of user {user.name} in {user.file} cannot be used: {_words(str(reason))}.",
            hint="Log in again, or select another context with --context.",
        ) from error


def _words(reason: str) -> str:
    """Returns a reason of OpenSSL's, such as ``KEY_VALUES_MISMATCH``, in lower case."""
    return reason.replace("_", " ").lower() if reason.isupper() else reason


def _impersonation(user: Entry) -> dict[str, str]:
    """Returns the headers by which one user acts as another.

    Raises:
        UserError: the client cannot send what is asked for.
    """
    content: Mapping[str, Any] = user.content
    groups = content.get("as-groups") or []
    if content.get("as-user-extra") or len(groups) > 1:
        raise UserError(
            f"The user {user.name} in {user.file} impersonates several groups or extra fields, which is not supported.",
            hint="Select another context with --context.",
        )
    headers = {"Impersonate-User": content.get("as"), "Impersonate-Uid": content.get("as-uid")}
    headers["Impersonate-Group"] = groups[0] if groups else None
    return {name: str(value) for name, value in headers.items() if value}
