"""What the user sees: progress apart from results, colour only where it is wanted."""

from __future__ import annotations

import json

import pytest

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.terminal import Terminal, table


def test_results_go_to_standard_output_and_progress_to_standard_error(capsys):
    terminal = Terminal(as_json=True)
    with terminal.step("Working") as step:
        step.outcome = "well"
    terminal.result({"a": 1}, "text")
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"a": 1}
    assert "Working" in shown.err
    assert "well" in shown.err


def test_an_error_shows_its_details_and_its_hint(capsys):
    Terminal().error(UserError("It broke.", details="line 1\nline 2", hint="Run: x"))
    assert capsys.readouterr().err == "Error: It broke.\n  | line 1\n  | line 2\nRun: x\n"


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_colour_where_it_is_not_wanted(monkeypatch, capsys, variable, value):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    Terminal().note("colourful")
    assert "\x1b[" in capsys.readouterr().err
    monkeypatch.setenv(variable, value)
    Terminal().note("plain")
    assert "\x1b[" not in capsys.readouterr().err


def test_a_table_has_columns_as_wide_as_their_cells():
    assert table([("a", "long cell"), ("wider", "b")], ("X", "Y")) == "X      Y\na      long cell\nwider  b"
