"""The settings of a cluster: from a file, from the command line, and what is said about mistakes."""

from __future__ import annotations

import pytest
import yaml

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.model.loading import load_settings, settings_of
from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.model.sizes import resources_of
from kubeflow_metadata.installer.render.overlay import Overlay
from kubeflow_metadata.parts import GRPC, UI


def problem(values):
    with pytest.raises(UserError) as caught:
        settings_of(values)
    return caught.value.details


def test_no_file_is_the_defaults():
    assert load_settings(None) == Settings()


def test_the_command_line_wins_over_the_file(tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("grpc:\n  replicas: 2\n  workerThreads: 4\n")
    found = load_settings(file, ["grpc.replicas=3", "small.enabled=true", r"scheduling.nodeSelector.example\.com/a=b"])

    assert (found.grpc.replicas, found.grpc.worker_threads, found.small.enabled) == (3, 4, True)
    assert found.scheduling.node_selector == {"example.com/a": "b"}


def test_lists_are_given_as_yaml():
    found = load_settings(None, ["images.pullSecrets=[a, b]"])
    assert found.images.pull_secrets == ("a", "b")


@pytest.mark.parametrize(
    ("text", "said"), [("[1, 2]", "a mapping of settings, not a list"), ("a: [", "is not valid YAML"), ("{}", "")]
)
def test_a_file_that_is_none_is_named(tmp_path, text, said):
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    if not said:
        assert load_settings(file) == Settings()
        return
    with pytest.raises(UserError, match=said):
        load_settings(file)


@pytest.mark.parametrize("assignment", ["grpc.replicas", "=3", "logLevel.x=1"])
def test_an_assignment_that_is_none_is_named(assignment):
    with pytest.raises(UserError):
        load_settings(None, ["logLevel=info", assignment])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"grpc": {"replcas": 2}},
            "grpc.replcas: no such setting. Settings here: extraEnv, maxConnectionAge, replicas, ",
        ),
        ({"imagePullSecrets": []}, "imagePullSecrets: no such setting; use images.pullSecrets."),
        ({"creator": "kustomize"}, "creator: no such setting."),
        ({"images": {"server": {"tag": "a b"}}}, "images.server.tag: 'a b' is not a valid image tag"),
        ({"networkPolicy": {"apiServerCidrs": ["10.0.0.1/8"]}}, "has host bits set"),
        (
            {"besideKfp": {"enabled": True}, "externalMysql": {"enabled": True, "host": "h"}},
            "Kubeflow Pipelines chooses the database",
        ),
    ],
)
def test_a_mistake_is_named_by_its_path_with_what_to_write(values, said):
    assert said in problem(values)


def test_several_mistakes_are_named_at_once():
    assert len(problem({"grpc": {"replicas": 0}, "rest": {"replicas": 0}}).splitlines()) == 2


def test_resources_that_are_set_win_over_the_size():
    found = settings_of({"small": {"enabled": True}, "grpc": {"resources": {"limits": {"memory": "1Gi"}}}})

    assert resources_of(found, GRPC)["limits"] == {"cpu": "1", "memory": "1Gi"}
    assert resources_of(found, UI) == UI.small


def test_an_overlay_of_defaults_is_the_base_alone():
    written = yaml.safe_load(Overlay(Settings()).kustomization("../metadata"))

    assert written == {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "kubeflow",
        "resources": ["../metadata/base"],
    }


def test_an_overlay_refers_to_the_manifests_by_a_relative_way(tmp_path):
    file = Overlay(Settings()).write(tmp_path / "overlay")

    (base,) = yaml.safe_load(file.read_text())["resources"]
    assert base.startswith("..")
    assert (file.parent / base / "kustomization.yaml").exists()
