"""What a check is, and what it answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from kubeflow_metadata.installer import exit_codes


class Severity(Enum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Check:
    """An entry in the table of checks.

    Attributes:
        code: stable, such as ``KFM0101``; never reused for another check.
        category: under which it is shown.
        title: what should be so.
    """

    code: str
    category: str
    title: str

    @property
    def docs(self) -> str:
        """Where it is documented."""
        return f"docs/checks.md#{self.code.lower()}"

    def ok(self, sentence: str) -> Result:
        """Returns that it is so."""
        return Result(self.code, self.category, Severity.OK, sentence, docs=self.docs)

    def warning(self, sentence: str, hint: str = "", details: str = "") -> Result:
        """Returns that it is so, with something that the user should know."""
        return Result(self.code, self.category, Severity.WARNING, sentence, hint, details, self.docs)

    def failed(self, sentence: str, hint: str = "", details: str = "") -> Result:
        """Returns that it is not so."""
        return Result(self.code, self.category, Severity.FAILED, sentence, hint, details, self.docs)

    def unknown(self, sentence: str, hint: str = "", details: str = "") -> Result:
        """Returns that nobody could tell."""
        return Result(self.code, self.category, Severity.UNKNOWN, sentence, hint, details, self.docs)


@dataclass(frozen=True)
class Result:
    """How a check ended.

    Attributes:
        code: of the check, or of a cause that the diagnosis found.
        category: under which it is shown.
        severity: how it ended.
        sentence: what is so.
        hint: what to type or do next, with namespace and context.
        details: lines that explain.
        docs: where the code is documented; empty for causes.
    """

    code: str
    category: str
    severity: Severity
    sentence: str
    hint: str = ""
    details: str = ""
    docs: str = ""


def exit_code(results: Iterable[Result]) -> int:
    """Returns what a command ends with that ran these checks: warnings do not count."""
    severities = {result.severity for result in results}
    if Severity.FAILED in severities:
        return exit_codes.FAILED
    return exit_codes.INCONCLUSIVE if Severity.UNKNOWN in severities else exit_codes.OK


def counted(number: int, noun: str) -> str:
    """Returns a number with a noun, in the plural where it is one: ``1 pod``, ``2 pods``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
