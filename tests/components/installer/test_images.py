"""`python -m installer images`: with stand-ins for the container engines, which note what they are asked."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import catalog
from kubeflow_metadata.installer.cli.images import command as images
from kubeflow_metadata.installer.images import base, digests, engines
from kubeflow_metadata.installer.images.digests import PushedImage
from kubeflow_metadata.installer.verbs.images import ROOT

DIGEST = "sha256:" + "0123456789abcdef" * 4

HEAD = subprocess.run(
    ["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
).stdout.strip()

# Answers like an engine that works and has every image; notes each command line.
ENGINE = """#!/bin/sh
echo "$(basename "$0") $*" >> "{calls}"
case "$*" in
  *RepoDigests*) echo "registry.example/team/{name}@{digest}" ;;
  push*--digestfile*) for word in "$@"; do case $word in --digestfile=*) echo {digest} > "${{word#*=}}" ;; esac; done ;;
  "get clusters") echo mine ;;
  *Config.Labels*) echo {revision} ;;
esac
exit {code}
"""


class Machine:
    """A PATH with nothing on it but what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name in ("sh", "basename", "git"):
            program = next(path for path in (Path("/bin") / name, Path("/usr/bin") / name) if path.exists())
            (self.bin / name).symlink_to(program)
        self.calls = folder / "calls"

    def has(self, name: str, *, code: int = 0, revision: str = HEAD) -> None:
        program = self.bin / name
        answers = {"name": catalog.SERVER_NAME, "digest": DIGEST, "code": code, "revision": revision}
        program.write_text(ENGINE.format(calls=self.calls, **answers))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def asked(self, start: str) -> list[str]:
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        return [line for line in lines if line.startswith(start)]


@pytest.fixture
def machine(tmp_path, monkeypatch):
    machine = Machine(tmp_path)
    monkeypatch.setenv("PATH", str(machine.bin))
    return machine


def run(*arguments):
    return CliRunner().invoke(images, arguments)


def failure(*arguments) -> UserError:
    error = run(*arguments).exception
    assert isinstance(error, UserError)
    return error


def test_the_first_engine_that_answers_is_used(machine):
    machine.has("docker", code=1)
    machine.has("podman")
    machine.has("buildah")

    assert engines.find().name == "podman"


def test_without_any_engine_it_says_so(machine):
    assert "None of Docker, Podman or Buildah" in str(failure("push", "registry.example"))


def test_an_engine_asked_for_by_name_must_answer(machine):
    machine.has("docker")
    machine.has("podman", code=1)

    assert failure("push", "registry.example", "--engine", "podman").hint.endswith("podman info")


def test_list_works_without_an_engine(machine):
    shown = run("list", "-o", "json")

    entries = {image["reference"]: image["here"] for image in json.loads(shown.stdout)["images"]}
    assert entries == {catalog.server_reference(): None, catalog.MYSQL: None}


@pytest.mark.parametrize("engine", ["docker", "podman", "buildah"])
def test_push_records_the_digest_that_the_registry_has(machine, tmp_path, engine):
    machine.has(engine)
    file = tmp_path / "images.json"

    done = run("push", "registry.example/team", "--tag", "7", "--digests", str(file), "-o", "json")

    repository = f"registry.example/team/{catalog.SERVER_NAME}"
    assert json.loads(done.stdout)["pinned"] == f"{repository}@{DIGEST}"
    assert digests.read(file) == [PushedImage(catalog.SERVER_NAME, repository, "7", DIGEST)]
    assert any(f"{repository}:7" in line for line in machine.asked(f"{engine} push"))


@pytest.mark.parametrize("registry", ["", "https://ghcr.io/me", "GHCR.io", "ghcr.io/", "ghcr.io/a b", "x;y"])
def test_push_refuses_what_is_no_registry(machine, registry):
    machine.has("docker")

    assert "is not a valid registry" in str(failure("push", registry))
    assert not machine.asked("docker push")


@pytest.mark.parametrize("tag", ["", "a:b", "-x", "a b", "x" * 129])
@pytest.mark.parametrize("verb", [["list"], ["build"], ["load"], ["push", "registry.example"]])
def test_a_tag_that_no_registry_takes_is_refused(machine, verb, tag):
    machine.has("docker")

    assert "is not a valid tag" in str(failure(*verb, f"--tag={tag}"))


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_load_gives_kind_an_archive(machine, engine):
    machine.has(engine)
    machine.has("kind")

    done = run("load", "--cluster", "mine")

    assert done.exit_code == 0, done.exception
    assert machine.asked("kind load image-archive --name=mine ")
    assert not machine.asked(f"{engine} build")


def test_load_builds_an_image_that_is_missing_or_of_another_commit(machine, monkeypatch):
    monkeypatch.setattr("kubeflow_metadata.installer.verbs.images._build_ui", lambda: None)
    machine.has("docker", revision="0123abc")
    machine.has("kind")

    assert run("load", "--cluster", "mine").exit_code == 0
    assert machine.asked("docker build")
    assert machine.asked("kind load")


def test_load_finds_the_cluster_of_the_current_context_or_the_only_one(machine, tmp_path, monkeypatch):
    machine.has("docker")
    machine.has("kind")
    config = {
        "current-context": "kind-mine",
        "contexts": [{"name": "kind-mine", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {}}],
    }
    file = tmp_path / "config"
    monkeypatch.setenv("KUBECONFIG", str(file))

    assert run("load").exit_code == 0  # no kubeconfig, and one cluster
    file.write_text(json.dumps(config))
    assert run("load").exit_code == 0
    assert len(machine.asked("kind load image-archive --name=mine ")) == 2
    file.write_text(json.dumps(config).replace("kind-mine", "production"))
    error = failure("load")
    assert "production" in str(error)
    assert "--cluster mine" in error.hint


def test_load_into_an_unknown_cluster_names_those_there_are(machine):
    machine.has("docker")
    machine.has("kind")

    assert failure("load", "--cluster", "other").hint == "Select one: --cluster mine"
    assert not machine.asked("kind load")


def test_another_python_image_of_this_machine_serves_as_base_where_no_registry_answers():
    there = ["example.org/team/tool:1", "team/python:3.12-local", "python-tools:2"]

    assert base.like_python(there) == "team/python:3.12-local"
    assert base.like_python(["python-tools:2", "cpython:3"]) is None


def test_a_failing_engine_shows_what_it_said(machine):
    (machine.bin / "docker").write_text("#!/bin/sh\necho no space left on device\nexit 3\n")
    (machine.bin / "docker").chmod(0o755)

    with pytest.raises(UserError) as caught:
        engines.run(["docker", "build"])

    assert caught.value.details == "no space left on device"
    assert "exit code 3" in str(caught.value)


def test_a_base_image_that_cannot_be_had_is_named(machine, monkeypatch):
    monkeypatch.setattr("kubeflow_metadata.installer.verbs.images._build_ui", lambda: None)
    (machine.bin / "docker").write_text("#!/bin/sh\ncase $1 in info) ;; *) echo no such host; exit 1 ;; esac\n")
    (machine.bin / "docker").chmod(0o755)

    error = failure("build")

    assert catalog.PYTHON in str(error)
    assert "--base-image" in error.hint
    assert error.details == "no such host"


def test_a_build_that_fails_with_its_base_here_shows_what_the_engine_said(machine, monkeypatch):
    monkeypatch.setattr("kubeflow_metadata.installer.verbs.images._build_ui", lambda: None)
    (machine.bin / "docker").write_text("#!/bin/sh\ncase $1 in build) echo no space left; exit 1 ;; esac\n")
    (machine.bin / "docker").chmod(0o755)

    assert failure("build").details == "no space left"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"images": 3}', '{"images": [{"name": "a"}]}', '{"images": [["name"]]}'],
)
def test_a_broken_digest_file_is_named(tmp_path, text):
    file = tmp_path / "images.json"
    file.write_text(text)

    with pytest.raises(UserError, match=r"images\.json is not an image digest file"):
        digests.read(file)


def test_a_missing_digest_file_tells_how_to_make_it(tmp_path):
    with pytest.raises(UserError) as caught:
        digests.read(tmp_path / "images.json")

    assert "images push" in caught.value.hint


def test_a_digest_that_is_none_is_refused(tmp_path):
    file = tmp_path / "images.json"
    digests.write(file, [PushedImage("a", "registry.example/a", "1", "latest")])

    with pytest.raises(UserError, match="is not a sha256 digest"):
        digests.read(file)


@settings(deadline=None)  # it writes files, and a loaded machine is slow at that
@given(st.lists(st.builds(PushedImage, st.text(), st.text(), st.text(), st.just(DIGEST))))
def test_what_was_noted_is_read_back(tmp_path_factory, pushed):
    file = tmp_path_factory.mktemp("digests") / "images.json"
    digests.write(file, pushed)

    assert digests.read(file) == pushed


def test_the_image_holds_every_package_of_the_distribution():
    tomllib = pytest.importorskip("tomllib", reason="needs Python 3.11 or newer")
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    wanted = {path.partition("/")[0] for path in [*wheel["packages"], *wheel.get("force-include", {})]}

    copied = {line.split()[1] for line in (ROOT / "images/Dockerfile").read_text().splitlines() if line[:5] == "COPY "}
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert wanted <= copied
    assert wanted <= sent


def test_help_fits_80_columns():
    for verb in ([], ["list"], ["build"], ["load"], ["push"]):
        assert all(len(line) <= 80 for line in run(*verb, "--help").output.splitlines())
