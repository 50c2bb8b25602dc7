"""Asking an API server: again where it cannot answer yet and nothing can happen twice, but never without end."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from kubeflow_metadata.installer.cluster.connection import answers
from kubeflow_metadata.installer.cluster.connection.answers import Where
from kubeflow_metadata.installer.cluster.connection.credentials import Credentials
from kubeflow_metadata.installer.polling import Clock

T = TypeVar("T")

# Seconds in which a call is asked again: of a server that was there before, and of one that never answered.
PATIENCE, FIRST_PATIENCE = 60.0, 2.0
# A server that is starting knows neither its roles nor who may do what.
STARTING_PATIENCE = 30.0
_WEBHOOK_PATIENCE = 15.0
# For so long after an outage, a 403 is not believed: it may have been given just before the server was ready.
_SETTLING_SECONDS = 15.0
# A server that is ready is not asked about that again for so many seconds.
_READY_FOR = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE, _LONGEST_RETRY_AFTER = 0.5, 5.0, 30.0
_UNABLE = frozenset({500, 502, 503, 504})
_NOT_SYNCED = ("not yet synced", "not yet ready to handle request")
_UNKNOWN_ROLE = ("RBAC: ", "not found")


@dataclass(frozen=True)
class _Verdict:
    """Whether to ask again.

    Attributes:
        seconds: for how long, from the first attempt on; 0 not to.
        why: what is said while it is asked again.
        after: seconds that the server asked to wait; 0 if it did not.
    """

    seconds: float = 0.0
    why: str = ""
    after: float = 0.0


class Asking:
    """Asks one API server."""

    def __init__(
        self,
        where: Where,
        client: Any,
        credentials: Credentials,
        clock: Clock,
        note: Callable[[str], None],
    ) -> None:
        """Asks with credentials that are kept fresh; ``note`` is told once an outage that it is waited for."""
        self._where = where
        self._client = client
        self._credentials = credentials
        self._clock = clock
        self._note = note
        self._was_reached = False
        self._is_told = False
        self._ready_until = 0.0
        self._away_at = -math.inf
        self._lock = threading.Lock()

    def ask(self, verb: str, what: str, call: Callable[[], T], *, is_safe: bool) -> T:
        """Returns what a call returns.

        Args:
            verb: what the call does, for messages.
            what: to what.
            call: asks once.
            is_safe: whether it may be made again though the server may have done it already.

        Raises:
            UserError: the server refuses, or cannot be asked.
        """
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        pause, is_renewed = _FIRST_PAUSE, False
        # When each trouble began: what follows an outage has a patience of its own.
        since: dict[str, float] = {}
        while True:
            self._credentials.refresh(self._client)
            asked_with = self._credentials.current
            try:
                answer = call()
            except (ApiException, HTTPError, OSError) as error:
                if getattr(error, "status", None) == 401 and not is_renewed:
                    is_renewed = True
                    if self._credentials.renew(self._client, asked_with):
                        continue
                verdict = self._verdict(error, is_safe)
                now = self._clock.monotonic()
                if verdict.why not in since:
                    pause = _FIRST_PAUSE
                left = verdict.seconds - (now - since.setdefault(verdict.why, now))
                if left <= 0:
                    raise answers.explanation(error, verb, what, self._where) from error
                self._tell(verdict)
                self._clock.sleep(min(max(pause, verdict.after), left))
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                self._was_reached, self._is_told = True, False
                return answer

    def is_ready(self) -> bool | None:
        """Returns whether the server says that it is ready; None where that cannot be known."""
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError

        if self._clock.monotonic() < self._ready_until:
            return True
        keys = self._client.configuration.api_key
        token = keys.get("BearerToken") or keys.get("authorization")
        headers = {**self._client.default_headers, **({"authorization": token} if token else {})}
        try:
            response = self._client.rest_client.pool_manager.request(
                "GET", f"{self._where.server}/readyz", headers=headers, timeout=Timeout(connect=5, read=5)
            )
        except (HTTPError, OSError):
            return False
        if response.status == 200:
            self._ready_until = self._clock.monotonic() + _READY_FOR
        return None if response.status in {401, 403, 404} else bool(response.status == 200)

    def _verdict(self, error: Any, is_safe: bool) -> _Verdict:
        status = getattr(error, "status", None)
        if not status or status in _UNABLE:
            self._away_at, self._ready_until = self._clock.monotonic(), 0.0
        if not status:
            if answers.is_about_tls(error) or not (is_safe or answers.was_not_sent(error)):
                return _Verdict()
            return _Verdict(PATIENCE if self._was_reached else FIRST_PATIENCE, "The cluster does not respond")
        self._was_reached = True
        message = answers.message_of(error)
        after = _retry_after(error, self._clock)
        if status == 429:
            return _Verdict(PATIENCE, "The API server is overloaded", after)
        if "failed calling webhook" in message:
            return _Verdict(_WEBHOOK_PATIENCE if is_safe else 0.0, "An admission webhook does not respond")
        if status == 403 and self._is_starting(message):
            return _Verdict(STARTING_PATIENCE, "The API server is not ready yet")
        if status in _UNABLE and (is_safe or (status == 503 and after)):
            return _Verdict(PATIENCE, f"The API server cannot answer now ({status})", after)
        return _Verdict()

    def _is_starting(self, message: str) -> bool:
        """Returns whether a 403 only means that the server does not know yet who may do what."""
        if any(each in message for each in _NOT_SYNCED):
            return True
        if self._clock.monotonic() - self._away_at < _SETTLING_SECONDS:
            return True
        ready = self.is_ready()
        # A binding may also name a role that was never there; a server that is ready would know.
        return ready is False or (ready is None and all(each in message for each in _UNKNOWN_ROLE))

    def _tell(self, verdict: _Verdict) -> None:
        with self._lock:
            if self._is_told or not self._was_reached:
                return
            self._is_told = True
        self._note(f"{verdict.why}; retrying for up to {verdict.seconds:.0f} s.")


def _retry_after(error: Any, clock: Clock) -> float:
    """Returns the seconds of a Retry-After header; 0 without one."""
    headers = getattr(error, "headers", None) or {}
    text = str(headers.get("Retry-After") or "")
    if text.isdecimal():
        return min(float(text), _LONGEST_RETRY_AFTER)
    try:
        seconds = (parsedate_to_datetime(text) - clock.now()).total_seconds()
    except (ValueError, TypeError, IndexError):
        return 0.0
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER)
