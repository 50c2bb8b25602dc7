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
    ("assignment", "path", "value"),
    [
        ("images.server.tag=1.10", "images.server.tag", "1.10"),
        ("images.server.tag=2026", "images.server.tag", "2026"),
        ("grpc.extraEnv.X=30", "grpc.extra_env", {"X": "30"}),
        ("grpc.extraEnv.X=", "grpc.extra_env", {"X": ""}),
        ("grpc.extraEnv={X: 30}", "grpc.extra_env", {"X": "30"}),
        ("scheduling.nodeSelector.gpu=false", "scheduling.node_selector", {"gpu": "false"}),
        ("externalMysql.tls.mode=off", "external_mysql.tls.mode", "off"),
        ("grpc.resources.limits.cpu=2", "grpc.resources.limits.cpu", "2"),
        ("mysql.storage.storageClass=1e3", "mysql.storage.storage_class", "1e3"),
        ("images.pullSecrets=[a, 8]", "images.pull_secrets", ("a", "8")),
    ],
)
def test_what_can_only_be_text_is_taken_as_it_was_typed(assignment, path, value):
    found = load_settings(None, [assignment])
    for name in path.split("."):
        found = getattr(found, name)
    assert found == value


def test_a_file_may_have_off_and_numbers_where_text_is_meant(tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("externalMysql: {tls: {mode: off}}\ngrpc: {extraEnv: {X: 30, Y: no, Z: 2020-01-01}}\n")
    found = load_settings(file)

    assert found.external_mysql.tls.mode == "off"
    assert found.grpc.extra_env == {"X": "30", "Y": "false", "Z": "2020-01-01"}


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("grpc=2", "grpc: 2 is not a group of settings. Settings here: extraEnv, "),
        ("grpc.replicas=two", "grpc.replicas: 'two' is not an integer"),
        ("grpc.replicas=0", "grpc.replicas: 0 is less than 1"),
        ("grpc.replicas=", "grpc.replicas: '' is not an integer"),
        ("small.enabled=2", "small.enabled: 2 is neither true nor false"),
        ("logLevel=loud", "logLevel: 'loud' is not one of 'debug', 'info', 'warning' or 'error'"),
        ("externalMysql.host=[::]", "externalMysql.host: '[::]' is not a valid host"),
        ("images.pullSecrets=[::]", "'[::]' is neither a value nor a list"),
        ("images.pullSecrets=a", "images.pullSecrets: 'a' is not a list, such as [a, b]"),
        ("images.pullSecrets=[{a: b}]", "images.pullSecrets.0: {'a': 'b'} is not text"),
        ("grpc.extraEnv=2", "grpc.extraEnv: 2 is not a group of names and values"),
        ("istio.hosts=[]", "istio.hosts: at least 1 is needed"),
        ("externalMysql.database=" + 70 * "a", "is longer than 64"),
        ("networkPolicy.apiServerPorts=[70000]", "networkPolicy.apiServerPorts.0: 70000 is more than 65535"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_our_words(assignment, said):
    with pytest.raises(UserError) as caught:
        load_settings(None, [assignment])
    whole = f"{caught.value} {caught.value.details}"
    assert said in whole
    assert "Input should" not in whole


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("grpc:\n  replicas: 2\nrest: {}\ngrpc:\n  replicas: 3\n", "line 4: grpc is set already in line 1."),
        ("grpc:\n  extraEnv:\n    A: 1\n    A: 2\n", "line 4: A is set already in line 3."),
    ],
)
def test_a_name_that_is_there_twice_is_refused(tmp_path, text, said):
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=said):
        load_settings(file)


def test_a_file_that_is_no_yaml_is_refused_with_the_place(tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("grpc:\n  replicas: [1\nrest: {}\n")
    with pytest.raises(UserError) as caught:
        load_settings(file)
    assert caught.value.details.startswith("line 3, column ")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"grpc": {"replcas": 2}},
            "grpc.replcas: no such setting. Settings here: extraEnv, maxCallSeconds, maxConnectionAge, replicas, ",
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


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"scheduling": {"tolerations": [{"key": "a", "tolerationSecond": 3}]}},
            "scheduling.tolerations.0: tolerationSecond: no such field. Fields of Toleration: effect, key, operator, ",
        ),
        (
            {"scheduling": {"affinity": {"nodeAffinity": {"requiredDuringScheduling": {}}}}},
            "scheduling.affinity: nodeAffinity.requiredDuringScheduling: no such field. Fields of NodeAffinity: ",
        ),
        (
            {"scheduling": {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": {}}}}},
            "nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution: {} is not a list",
        ),
        (
            {"scheduling": {"topologySpreadConstraints": [{"labelSelector": {"matchLabel": {}}}]}},
            "labelSelector.matchLabel: no such field",
        ),
        ({"pods": {"securityContext": {"runAsUsr": 1}}}, "pods.securityContext: runAsUsr: no such field"),
        ({"pods": {"containerSecurityContext": {"capabilities": "ALL"}}}, "capabilities: 'ALL' is not a group of"),
        (
            {"grpc": {"extraEnv": {"X": {"valueFrom": {"secretKeyRef": {"nam": "a"}}}}}},
            "grpc.extraEnv.X: valueFrom.secretKeyRef.nam: no such field",
        ),
        ({"grpc": {"extraEnv": {"X": {"value": "a"}}}}, "grpc.extraEnv.X: a value, or valueFrom and nothing else"),
        (
            {"grpc": {"extraEnv": {"KFM_MLMD_WORKER_THREAD": "4"}}},
            "grpc.extraEnv: KFM_MLMD_WORKER_THREAD: no such variable; did you mean KFM_MLMD_WORKER_THREADS?",
        ),
        (
            {"rest": {"extraEnv": {"KFM_UI_LOG_LEVEL": "info"}}},
            "rest.extraEnv: KFM_UI_LOG_LEVEL: no such variable; did you mean KFM_REST_LOG_LEVEL?",
        ),
    ],
)
def test_names_inside_kubernetes_types_and_variables_are_checked(values, said):
    assert said in problem(values)


def test_kubernetes_types_are_taken_whole():
    toleration = {"key": "unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}
    source = {"valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}
    found = settings_of({"scheduling": {"tolerations": [toleration]}, "ui": {"extraEnv": {"X": source, "Y": 1}}})

    assert found.scheduling.tolerations == (toleration,)
    assert found.ui.extra_env == {"X": source, "Y": "1"}


@pytest.mark.parametrize(
    ("network", "listens"),
    [
        ({}, False),
        ({"ipFamilies": ["IPv4"]}, False),
        ({"ipFamilyPolicy": "SingleStack"}, False),
        ({"ipFamilies": ["IPv6"]}, True),
        ({"ipFamilyPolicy": "PreferDualStack"}, True),
    ],
)
def test_servers_listen_on_ipv6_where_services_may_have_it(network, listens):
    assert settings_of({"network": network}).network.has_ipv6 is listens


def test_one_registry_holds_all_images():
    written = Overlay(settings_of({"images": {"registry": "registry.example.com:5000/ml"}})).kustomization("x")

    assert [image["newName"] for image in yaml.safe_load(written)["images"]] == [
        "registry.example.com:5000/ml/kubeflow-metadata-server",
        "registry.example.com:5000/ml/mysql",
    ]


def test_a_limit_follows_a_greater_request_and_a_request_a_smaller_limit():
    asked = {"requests": {"memory": "4Gi"}, "limits": {"cpu": "50m"}}
    found = resources_of(settings_of({"grpc": {"resources": asked}}), GRPC)

    assert found == {"requests": {"cpu": "50m", "memory": "4Gi"}, "limits": {"cpu": "50m", "memory": "4Gi"}}


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
