"""Reading the servers' logs: JSON as in a cluster, and the lines of a laptop."""

from __future__ import annotations

import io
import logging

import pytest
import structlog

from kubeflow_metadata.installer.cluster import server_log
from kubeflow_metadata.serving.logs import configure_logs

FIELDS = {
    "reason": "access_denied",
    "error": "Access denied for user 'x'@'10.0.0.1' (using \"it\")",
    "address": "h:1/d",
}


@pytest.fixture
def written(monkeypatch):
    """Logs as a server does; the function returns what it has written."""
    before = logging.root.handlers[:], logging.root.level, structlog.get_config()
    stream = io.StringIO()

    def write(form):
        monkeypatch.setattr("sys.stderr", stream)
        configure_logs(form, "info")
        return structlog.get_logger("kubeflow_metadata.mlmd"), stream

    yield write
    logging.root.handlers[:], level, configuration = before
    logging.root.setLevel(level)
    structlog.configure(**configuration)


@pytest.mark.parametrize("form", ["json", "text"])
def test_what_a_server_writes_is_read_back(written, form):
    log, stream = written(form)
    log.info("serving", port=8080)
    log.warning("database unavailable", **FIELDS)

    first, second = server_log.events(stream.getvalue())
    assert (first.name, first.level, first.fields["port"]) == ("serving", "info", "8080")
    assert (second.name, second.level) == ("database unavailable", "warning")
    assert {name: second.fields[name] for name in FIELDS} == FIELDS
    assert second.time is not None
    assert second.time.tzinfo is not None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "{}",
        "[]",
        '{"event": 1}',
        '{"event"',
        "Traceback (most recent call last):",
        "x [y] z",
        "x [y] z [w] =='",
    ],
)
def test_other_lines_are_no_events_or_harmless(line):
    assert all(isinstance(each.name, str) for each in server_log.events(f"{line}\n"))


def test_a_time_that_is_none_is_left_out():
    (event,) = server_log.events('{"event": "x", "timestamp": "yesterday"}')
    assert event.time is None


def test_the_last_event_of_some_names_is_found():
    text = "\n".join(f'{{"event": "{name}", "n": {n}}}' for n, name in enumerate("abac"))
    found = server_log.last(text, "a", "b")
    assert found is not None
    assert found.fields["n"] == "2"
    assert server_log.last(text, "d") is None


def test_a_line_that_is_nested_too_deeply_to_be_read_is_left_out():
    line = '{"event": ' + "[" * 100_000 + "]" * 100_000 + "}"

    assert list(server_log.events(f'{line}\n{{"event": "database ready"}}'))[-1].name == "database ready"
