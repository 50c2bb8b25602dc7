"""``logs`` on a cluster: merged, followed through restarts, and readable."""

from __future__ import annotations

import json
import threading
from itertools import islice

import pytest
from click.testing import CliRunner

from kubeflow_metadata.installer.cli.main import main
from kubeflow_metadata.installer.cluster.connection import kubeconfig
from kubeflow_metadata.installer.cluster.connection.following import Follower
from kubeflow_metadata.installer.cluster.port import ForbiddenError, LogExtent, RejectedError
from kubeflow_metadata.installer.verbs.log_lines import Entry, Style, parse, seconds, shown
from tests.support.fake_cluster import FakeCluster, container, pod

SERVING = {"event": "serving", "level": "info", "timestamp": "2026-12-01T03:00:01.234567Z", "logger": "x", "port": 8080}
RUNNING = container("rest")


class LoggingCluster(FakeCluster):
    """Pods that log: what is written later is yielded to those who follow, until the container ends."""

    def __init__(self):
        super().__init__()
        self._changed = threading.Condition()
        self._written = {}  # lines by pod
        self._ended = set()
        self.extents = []

    def run(self, name, part, **status):
        self.pods[name] = pod(name, part, containerStatuses=[container(part, **status)])
        self._written.setdefault(name, [])

    def write(self, name, *lines):
        with self._changed:
            self._written[name] += lines
            self._changed.notify_all()

    def end(self, name):
        with self._changed:
            self._ended.add(name)
            self._changed.notify_all()

    def restart(self, name, part):
        self.end(name)
        self.run(name, part, restarts=1)
        with self._changed:
            self._written[name] = []
            self._ended.discard(name)

    def log_lines(self, pod, container, extent, *, follow=False):
        self.extents.append(extent)
        if ("read", "log") in self.forbidden:
            raise ForbiddenError(f"Permission denied: cannot read the log of Pod {pod}.")
        if pod not in self._written:
            raise RejectedError("none", details=f'pods "{pod}" not found')
        lines = self._written[pod]
        read = 0
        while True:
            with self._changed:
                new = lines[read:]
                if not new:
                    if not follow or pod in self._ended or self._written.get(pod) is not lines:
                        return
                    self._changed.wait(timeout=0.2)
                    continue
                read += len(new)
            yield from new


@pytest.fixture
def cluster(monkeypatch):
    made = LoggingCluster()
    monkeypatch.setattr(kubeconfig, "connect", lambda _context, _namespace: made)
    return made


def run(*arguments):
    return CliRunner().invoke(main, ["logs", *arguments])


def at(second, text):
    return f"2026-12-01T03:00:{second:02}.000000000Z {text}"


def test_logs_of_all_parts_are_merged_by_time(cluster):
    cluster.run("rest-1", "rest")
    cluster.run("ui-1", "ui")
    cluster.write("rest-1", at(1, "first"), at(4, "fourth"))
    cluster.write("ui-1", at(2, "second"), at(3, "third"))
    assert run().output.splitlines() == ["rest | first", "ui   | second", "ui   | third", "rest | fourth"]
    assert run("--part", "ui").output.splitlines() == ["second", "third"]
    assert run("ui").output == run("--part", "ui").output


def test_json_lines_are_shown_readable_as_they_are_or_as_documents(cluster):
    cluster.run("rest-1", "rest")
    line = json.dumps(SERVING)
    cluster.write("rest-1", at(1, line), at(2, "no JSON"))
    assert run("rest").output.splitlines() == ["03:00:01.234 info    serving port=8080", "no JSON"]
    assert run("rest", "--raw").output.splitlines() == [line, "no JSON"]
    first, second = map(json.loads, run("rest", "-o", "json").output.splitlines())
    assert first["event"] == "serving"
    assert first["fields"]["port"] == 8080
    assert (first["part"], first["pod"]) == ("rest", "rest-1")
    assert second["event"] == "no JSON"
    assert second["time"].startswith("2026-12-01T03:00:02")


def test_a_container_that_has_not_started_is_told_of_with_the_log_of_those_before_it(cluster):
    cluster.run("db-0", "db")
    ended = container("secret", terminated={"exitCode": 1})
    waiting = container("mysql", waiting={"reason": "PodInitializing"})
    sidecar = container("istio-init", terminated={"exitCode": 0})
    cluster.pods["db-0"] = pod("db-0", "db", initContainerStatuses=[sidecar, ended], containerStatuses=[waiting])
    cluster.write("db-0", at(1, "cannot use the volume"))
    shown = run("db")
    assert shown.stdout == "cannot use the volume\n"
    assert "the container mysql of pod db-0 has not started yet" in shown.stderr


def test_how_much_is_read_is_handed_to_the_cluster(cluster):
    cluster.run("rest-1", "rest", restarts=1)
    for arguments, extent in [
        ((), LogExtent(lines=200)),
        (("--lines", "7"), LogExtent(lines=7)),
        (("--since", "5m"), LogExtent(seconds=300)),
        (("--previous",), LogExtent(lines=200, previous=True)),
    ]:
        assert run(*arguments).exit_code == 0
        assert cluster.extents.pop() == extent


def test_previous_logs_are_those_of_containers_that_were_restarted(cluster):
    cluster.run("rest-1", "rest")
    done = run("--previous")
    assert done.exit_code == 0
    assert "No container was restarted" in done.output
    assert cluster.extents == []


def test_what_cannot_be_read_is_told(cluster):
    nothing = run()
    assert nothing.exit_code == 1
    assert "There are no pods in namespace kubeflow" in nothing.output
    assert "status --context fake -n kubeflow" in nothing.output
    cluster.run("rest-1", "rest")
    cluster.forbidden.add(("read", "log"))
    for arguments in ((), ("-f",)):
        denied = run(*arguments)
        assert denied.exit_code == 1
        assert "Permission denied" in denied.output


@pytest.mark.parametrize(
    "arguments", [("-f", "--previous"), ("--raw", "-o", "json"), ("--since", "5"), ("--lines", "0")]
)
def test_options_that_make_no_sense_are_usage_errors(cluster, arguments):
    assert run(*arguments).exit_code == 64


def test_a_log_is_followed_through_a_restart_and_a_replacement(cluster):
    cluster.run("rest-1", "rest")
    cluster.write("rest-1", at(1, "1"))
    said = []
    lines = Follower(cluster, ("rest",), said.append).lines(LogExtent(lines=10))
    assert next(lines).text == "1"
    cluster.write("rest-1", at(2, "2"), at(3, "3"))
    assert [line.text for line in islice(lines, 2)] == ["2", "3"]

    cluster.restart("rest-1", "rest")
    cluster.write("rest-1", at(4, "4"))
    assert next(lines).text == "4"
    assert said == ["The container rest of pod rest-1 was restarted."]

    cluster.end("rest-1")
    del cluster.pods["rest-1"]
    cluster.run("rest-2", "rest")
    cluster.write("rest-2", at(5, "5"))
    line = next(lines)
    assert (line.pod, line.text) == ("rest-2", "5")
    assert said[1:] == ["Pod rest-1 is gone.", "Pod rest-2 started."]


def test_a_connection_that_was_cut_is_made_again_without_repeating_lines(cluster):
    cluster.run("rest-1", "rest")
    cluster.write("rest-1", at(1, "1"))
    lines = Follower(cluster, ("rest",), lambda _text: None).lines(LogExtent())
    assert next(lines).text == "1"
    cluster.write("rest-1", at(2, "2"))
    assert next(lines).text == "2"
    cluster.end("rest-1")  # the stream ends, and the container still runs
    cluster.write("rest-1", at(3, "3"))
    assert next(lines).text == "3"


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        (
            "2026-12-01T03:00:01.5Z 0 [Warning] [MY-010068] [Server] CA certificate is self signed.",
            Entry("2026-12-01T03:00:01.5Z", "warning", "CA certificate is self signed."),
        ),
        (
            "2026-12-01T03:00:01.5Z [info     ] serving it [mlmd.rest] port=1 at='/a b' why=\"it's\"",
            Entry(
                "2026-12-01T03:00:01.5Z",
                "info",
                "serving it",
                {"port": "1", "at": "/a b", "why": "it's", "logger": "mlmd.rest"},
            ),
        ),
        ('{"no": "event"}', Entry("", "", '{"no": "event"}')),
        ("{broken", Entry("", "", "{broken")),
        ("[1]", Entry("", "", "[1]")),
        ("", Entry("", "", "")),
    ],
)
def test_lines_of_any_form_are_read(text, entry):
    assert parse(text) == entry


def test_values_with_blanks_are_quoted_and_times_of_any_precision_are_shown():
    event = {"event": "waiting", "level": "warning", "timestamp": "yesterday", "reason": "access denied", "left": None}
    line = shown("grpc", "p", "2026-12-01T03:00:01.123456789Z", json.dumps(event), Style())
    assert line == 'grpc | warning waiting reason="access denied" left=null'
    del event["timestamp"]
    line = shown("grpc", "p", "2026-12-01T03:00:01.123456789Z", json.dumps(event), Style(several=False))
    assert line.startswith("03:00:01.123 warning waiting")


def test_times_are_read_as_people_type_them():
    assert [seconds(text) for text in ("30s", "5m", "2h", "1d")] == [30, 300, 7200, 86400]
    for text in ("", "5", "m", "-5m", "0m", "5 m", "5w"):
        with pytest.raises(ValueError, match="is not a time"):
            seconds(text)
