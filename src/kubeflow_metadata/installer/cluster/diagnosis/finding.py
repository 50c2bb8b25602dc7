"""What a diagnosis finds: causes that are true now, each with the symptoms that it explains."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """A cause that is true now.

    Attributes:
        code: stable, such as ``KFM0205``; never reused for another cause.
        subject: the object that it is about, as ``Kind name``.
        part: the part of the installation that it keeps from running: ``db``, ``grpc``, ``rest``, ``ui``, or empty.
        sentence: what is wrong, in a sentence.
        hint: what to type or do next, with namespace and context.
        asked: what was asked for, such as ``100 CPU``; empty if that means nothing here.
        available: what there is instead, such as ``2 nodes with at most 3.9 CPU free``.
        details: lines that explain, such as the end of a log.
        seconds: for how long it has been so; None if that is unknown.
        patience: seconds after which waiting will not help any longer; 0 for at once, infinite for never.
        symptoms: what this explains and what would mislead if it stood alone.
        is_over: whether it is only remembered: it keeps nothing from running now, and may come again.
    """

    code: str
    subject: str
    part: str
    sentence: str
    hint: str = ""
    asked: str = ""
    available: str = ""
    details: str = ""
    seconds: float | None = None
    patience: float = 0.0
    symptoms: tuple[Finding, ...] = ()
    is_over: bool = False

    @property
    def is_final(self) -> bool:
        """Whether waiting any longer will not help."""
        return (self.seconds or 0.0) >= self.patience


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong with an installation.

    Attributes:
        findings: the roots, the most fundamental first; empty if nothing is wrong.
        unread: what could not be read and may hide a cause, as sentences.
    """

    findings: tuple[Finding, ...] = ()
    unread: tuple[str, ...] = field(default=())
