"""Warnings of an API server: headers beside answers that succeed, such as for a field that it ignores or deprecates.

See https://kubernetes.io/blog/2020/09/03/warnings/ and RFC 7234, section 5.5.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

# Code 299, an agent (Kubernetes writes "-"), and the text in quotes, with what is special in it behind a backslash.
_WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")


class Warnings:
    """Shows each warning once, however often the server repeats it: in a dry run, and when it is meant."""

    def __init__(self, client: Any, note: Callable[[str], None]) -> None:
        """Listens to the answers that a ``kubernetes.client.ApiClient`` gets; its callers do not see headers."""
        self._note = note
        self._shown: set[str] = set()
        self._last = threading.local()
        request = client.rest_client.request

        def listened(*arguments: Any, **options: Any) -> Any:
            self._last.header = ""
            answer = request(*arguments, **options)
            self._last.header = str(answer.getheaders().get("Warning") or "")
            return answer

        client.rest_client.request = listened

    def show(self, what: str) -> None:
        """Shows the new ones of the last answer to this thread, which was about ``what``."""
        for text in texts(getattr(self._last, "header", "")):
            said = f"The API server warns about {what}: {text}"
            if said not in self._shown:
                self._shown.add(said)
                self._note(said)


def texts(header: str) -> list[str]:
    """Returns the texts in a header, of which several may be joined by commas."""
    return [_ESCAPED.sub(r"\1", text) for text in _WARNING.findall(header)]
