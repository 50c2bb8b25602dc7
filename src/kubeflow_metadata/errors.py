"""Errors that reach the user: what is wrong, and what to type next."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can act on.

    Attributes:
        hint: what to do or type next; shown on a line of its own.
        details: lines that explain, such as the end of a log.
        exit_code: what a command that ends with it exits with.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", details: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.details = details
