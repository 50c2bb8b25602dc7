"""The watch over the database: it says what is true, and nothing ends it but a database that cannot be used."""

from __future__ import annotations

import pytest

from kubeflow_metadata.mlmd import watch
from kubeflow_metadata.mlmd.db.base import Description, Trouble
from kubeflow_metadata.mlmd.errors import Reason
from kubeflow_metadata.mlmd.watch import DatabaseWatch
from tests.support.waiting import eventually


class Troubled:
    """A database whose calls raise what is next, until nothing is left."""

    def __init__(self, prepare=(), ping=()):
        self._prepare = list(prepare)
        self._ping = list(ping)

    def prepare(self):
        if self._prepare:
            raise self._prepare.pop()

    def ping(self):
        if self._ping:
            raise self._ping.pop()

    def explain(self, error):
        return Trouble(Reason.UNREACHABLE, str(error))

    def refuses_writes(self):
        return None

    def describe(self):
        return Description("sqlite", "3", "m.db")


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(watch, "_PING_SECONDS", 0.01)
    monkeypatch.setattr(watch, "_LONGEST_WAIT_SECONDS", 0.01)


ERRORS = [ValueError("odd"), UnicodeEncodeError("latin-1", "漢", 0, 1, "no such character"), MemoryError()]


@pytest.mark.parametrize("where", ["prepare", "ping"])
def test_no_exception_ends_it(where, capsys):
    told = []
    watched = DatabaseWatch(Troubled(**{where: ERRORS}), told.append, pytest.fail)
    watched.start()
    try:
        eventually(lambda: told, "it is told that the database is ready")
        assert told == [True]
    finally:
        watched.stop()


def test_neither_does_whoever_is_told():
    told = []

    def tell(up):
        told.append(up)
        if len(told) == 1:
            raise RuntimeError("nobody listens")

    watched = DatabaseWatch(Troubled(), tell, pytest.fail)
    watched.start()
    try:
        eventually(lambda: told == [True, False, True], "it is told again")
    finally:
        watched.stop()
