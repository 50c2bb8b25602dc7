"""A process that was told to stop ends, whatever it is doing."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

ENDING = """
import re, threading
from kubeflow_metadata.serving import ending
ending.MARGIN_SECONDS = 0.2
ending.end_within(0.1)
{}
"""


@pytest.mark.parametrize(
    ("doing", "codes"),
    [
        ("threading.Event().wait()", {1}),
        ("threading.Thread(target=threading.Event().wait).start()", {1}),
        # A match that never ends holds the interpreter: no thread gets to run.
        ("re.match('(a|a)*$', 'a' * 60 + 'b')", {-signal.SIGALRM}),
    ],
)
def test_it_ends_after_its_grace(doing, codes):
    done = subprocess.run([sys.executable, "-c", ENDING.format(doing)], capture_output=True, timeout=60)
    assert done.returncode in codes


def test_one_that_ends_by_itself_is_left_alone():
    done = subprocess.run([sys.executable, "-c", ENDING.format("")], capture_output=True, timeout=60)
    assert done.returncode == 0
