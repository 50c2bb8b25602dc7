"""A process ends when it must, whatever its threads do."""

from __future__ import annotations

import subprocess
import sys

import pytest

from kubeflow_metadata.serving import ending

SECONDS = 60


def run(script):
    return subprocess.run(
        [sys.executable, "-c", f"import threading\nfrom kubeflow_metadata.serving import ending\n{script}"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_a_process_that_waits_for_ever_is_gone_after_its_grace():
    ended = run("ending.surely_within(0.1, 3)\nthreading.Event().wait()")
    assert ended.returncode == 3
    assert "still in progress" in ended.stdout + ended.stderr


def test_a_process_in_which_one_thread_holds_the_interpreter_is_gone_as_well():
    # A match that never ends: no other thread gets to run.
    ended = run("import re\nending.surely_within(0.1, 3)\nre.match('(a|a)*$', 'a' * 60 + 'b')")
    assert ended.returncode == 1
    assert "re.match" in ended.stderr or "Thread" in ended.stderr


def test_a_signal_that_another_thread_gets_is_noticed_by_a_main_thread_that_waits():
    ended = run(
        "import signal\n"
        "told = threading.Event()\n"
        "ending.when_told_to_stop(told.set)\n"
        "def tell():\n"
        "    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)\n"
        "threading.Thread(target=tell).start()\n"
        "told.wait()\n"
        "raise SystemExit(4)"
    )
    assert ended.returncode == 4


def test_a_process_that_ends_in_time_keeps_its_own_code():
    assert run("ending.surely_within(3600, 3)\nraise SystemExit(5)").returncode == 5


@pytest.mark.parametrize("error", ["MemoryError", "RuntimeError('broken')"])
def test_a_process_whose_thread_dies_ends_to_be_restarted(error):
    ended = run(
        "def work():\n"
        f"    raise {error}\n"
        "ending.when_a_thread_dies()\n"
        "threading.Thread(target=work).start()\n"
        "threading.Event().wait()"
    )
    assert ended.returncode == ending.RESTART


def test_it_ends_even_where_nothing_can_be_logged():
    ended = run(
        "class Broken:\n"
        "    def critical(self, *a, **k): raise MemoryError\n"
        "def work():\n"
        "    raise MemoryError\n"
        "ending.log = Broken()\n"
        "ending.when_a_thread_dies()\n"
        "threading.Thread(target=work).start()\n"
        "threading.Event().wait()"
    )
    assert ended.returncode == ending.RESTART


def test_a_supervisor_replaces_workers_that_end_to_be_restarted(tmp_path):
    """The first two of them do; the third says that it can never work."""
    lives = tmp_path / "lives"
    worker = f"echo >> {lives}; [ $(wc -l < {lives}) -ge 3 ] && exit 3; exit {ending.RESTART}"
    ended = run(
        "import subprocess, time\n"
        "from pathlib import Path\n"
        "from kubeflow_metadata.mlmd import workers\n"
        "class Supervisor(workers.Supervisor):\n"
        "    def _start(self):\n"
        f"        process = subprocess.Popen(['sh', '-c', {worker!r}], stdout=subprocess.PIPE, text=True)\n"
        "        worker = workers._Worker(process, time.monotonic())\n"
        "        self._workers.append(worker)\n"
        "        threading.Thread(target=self._follow, args=(worker,), daemon=True).start()\n"
        "supervisor = Supervisor(1, 0, Path('.'), lambda pid: None)\n"
        "raise SystemExit(supervisor.run(0, lambda: None))"
    )
    assert ended.returncode == 3
    assert lives.read_text() == "\n" * 3
