"""The library that makes the end-to-end cluster: its choices, without a cluster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.cluster import container_images, stand_ins, tools, versions
from tests.support.cluster.container_images import ImageSource, choose
from tests.support.cluster.keys import content_key
from tests.support.cluster.locks import Lock
from tests.support.cluster.shell import ClusterError, run, run_visibly
from tests.support.waiting import eventually


class FakeEngine:
    """Knows whether an image is here and whether a registry answers."""

    def __init__(self, *, here: bool = False, registry: bool = False) -> None:
        self.here = here
        self.registry = registry

    def has_image(self, _reference):
        return self.here

    def succeeds(self, *_arguments, timeout=60):
        return self.registry


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.delenv(container_images.CHOICE, raising=False)
    monkeypatch.delenv("E2E_NODE_IMAGE", raising=False)
    monkeypatch.setattr(stand_ins, "node_image", lambda _engine: "made here")
    monkeypatch.setattr(stand_ins, "node_archives", lambda _engine: ["archive"])


@pytest.mark.parametrize(
    ("here", "registry", "node_image"),
    [(True, False, versions.NODE_IMAGE), (False, True, versions.NODE_IMAGE), (False, False, "made here")],
)
def test_images_come_from_a_registry_where_one_works(here, registry, node_image, capsys):
    assert choose(FakeEngine(here=here, registry=registry)).node_image == node_image
    assert "images:" in capsys.readouterr().err, "the choice is said"


@pytest.mark.parametrize(("choice", "node_image"), [("registry", versions.NODE_IMAGE), ("packages", "made here")])
def test_a_variable_forces_the_choice(monkeypatch, choice, node_image):
    monkeypatch.setenv(container_images.CHOICE, choice)

    assert choose(FakeEngine(registry=choice == "packages")).node_image == node_image


def test_a_choice_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv(container_images.CHOICE, "magic")

    with pytest.raises(ClusterError, match="E2E_IMAGES=magic"):
        choose(FakeEngine())


def test_another_stock_node_can_be_named(monkeypatch):
    monkeypatch.setenv("E2E_NODE_IMAGE", "kindest/node:v1.99.0")

    assert choose(FakeEngine(registry=True)).node_image == "kindest/node:v1.99.0"


def test_the_node_mounts_exactly_its_archives(tmp_path):
    archive = tmp_path / "system-1.tar"
    archive.write_text("images")
    (tmp_path / "system-0.tar").write_text("older images")
    folder = tmp_path / "cluster"
    folder.mkdir()

    config = json.loads(ImageSource("node", (archive,)).kind_config(folder))

    mount = config["nodes"][0]["extraMounts"][0]
    assert [path.name for path in Path(mount["hostPath"]).iterdir()] == ["system-1.tar"]
    assert mount["readOnly"]
    assert config["networking"]["disableDefaultCNI"]


def test_a_stock_node_keeps_its_own_network_plugin(tmp_path):
    config = json.loads(ImageSource("kindest/node:v1").kind_config(tmp_path))

    assert "nodes" not in config
    assert "disableDefaultCNI" not in config["networking"]


def test_a_key_changes_with_all_that_a_thing_is_made_from(tmp_path):
    file = tmp_path / "a"
    file.write_text("one")
    first = content_key([file], "fact")
    assert content_key([file], "fact") == first
    assert content_key([file], "other fact") != first

    file.chmod(0o755)
    executable = content_key([file], "fact")
    file.write_text("two")

    renamed = file.rename(tmp_path / "b")
    assert len({first, executable, content_key([renamed], "fact")}) == 3


def test_a_lock_is_held_by_one_or_shared_by_many(tmp_path):
    first, second = Lock(tmp_path / "lock"), Lock(tmp_path / "lock")
    first.share()
    second.share()
    assert not second.try_acquire()
    first.release()
    assert second.try_acquire()
    second.release()


@pytest.mark.parametrize("runner", [run, run_visibly])
def test_a_failing_command_shows_what_it_said(runner):
    with pytest.raises(ClusterError, match=r"(?s)Exit code 3: sh.*no space left"):
        runner(["sh", "-c", "echo no space left; exit 3"])


@pytest.mark.parametrize("runner", [run, run_visibly])
def test_a_missing_program_tells_how_to_get_it(runner):
    with pytest.raises(ClusterError, match=r"(?s)no-such-program is not installed.*make e2e-deps"):
        runner(["no-such-program"])


def test_waiting_ends_with_what_was_seen_or_says_what_was_not():
    answers = iter([None, 0, "", "here"])
    assert eventually(lambda: next(answers), "an answer") == "here"
    with pytest.raises(AssertionError, match="still not: an answer"):
        eventually(lambda: None, "an answer", seconds=0.01)


def test_programs_of_one_module_are_built_by_one_command_but_for_those_that_collide():
    module, other = tools.Module(Path("a")), tools.Module(Path("b"))
    first, second = tools.Tool("first", "example.org/first", module), tools.Tool("second", "./second", module)
    apart = tools.Tool("third", "example.org/v2/first", module, apart=True)
    elsewhere = tools.Tool("fourth", "example.org/fourth", other)
    versioned = [tools.Tool(name, f"example.org/{name}", version="v1") for name in ("fifth", "sixth")]

    batches = tools._batches([first, apart, elsewhere, second, *versioned])

    assert batches == [[first, second], [apart], [elsewhere], *([each] for each in versioned)]


@pytest.mark.parametrize(
    ("package", "name"),
    [("./pause", "pause"), ("sigs.k8s.io/kustomize/kustomize/v5", "kustomize"), ("example.org/cmd/vet", "vet")],
)
def test_the_file_that_go_makes_of_a_package_is_known(package, name):
    assert tools._file_name(package) == name
