"""Settings last: what an ``up`` starts from, what it changes, and what is shown of it."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.state.settings import changes, resolve, with_defaults
from kubeflow_metadata.installer.model.loading import load_settings, settings_of
from kubeflow_metadata.installer.model.masking import MASK, masked
from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.render.yaml_text import dump

LAST = {"grpc": {"replicas": 3}, "logLevel": "debug"}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_text("rest: {replicas: 2}\n")
    return path


def named(resolved):
    return [str(each) for each in resolved.changes]


def test_without_anything_the_last_settings_hold():
    resolved = resolve(LAST)
    assert resolved.document == LAST
    assert resolved.settings.grpc.replicas == 3
    assert resolved.changes == ()


def test_one_that_is_set_is_added():
    resolved = resolve(LAST, assignments=["rest.replicas=2"])
    assert resolved.document == {**LAST, "rest": {"replicas": 2}}
    assert named(resolved) == ["rest.replicas: 1 -> 2"]
    assert LAST == {"grpc": {"replicas": 3}, "logLevel": "debug"}


def test_a_file_replaces_all_of_them(file):
    resolved = resolve(LAST, file, ["ui.replicas=4"])
    assert resolved.document == {"rest": {"replicas": 2}, "ui": {"replicas": 4}}
    assert named(resolved) == [
        "grpc.replicas: 3 -> 1 (default)",
        "logLevel: debug -> info (default)",
        "rest.replicas: 1 -> 2",
        "ui.replicas: 1 -> 4",
    ]


def test_null_drops_one_and_the_group_that_is_empty_without_it():
    resolved = resolve(LAST, assignments=["grpc.replicas=null"])
    assert resolved.document == {"logLevel": "debug"}
    assert named(resolved) == ["grpc.replicas: 3 -> 1 (default)"]


def test_null_drops_a_group_or_an_entry_of_a_map():
    last = {"grpc": {"replicas": 2, "extraEnv": {"A": "1", "B": "2"}}}
    assert resolve(last, assignments=["grpc.extraEnv.A=null"]).document["grpc"]["extraEnv"] == {"B": "2"}
    assert resolve(last, assignments=["grpc=null"]).document == {}
    assert resolve(last, assignments=["ui.replicas=null"]).document == last


@pytest.mark.parametrize("name", ["grpc.replica", "nothing", "grpc.nothing.more"])
def test_dropping_what_no_setting_is_called_is_an_error(name):
    with pytest.raises(UserError, match="no such setting"):
        resolve(LAST, assignments=[f"{name}=null"])


def test_null_in_text_drops_it_too():
    assert load_settings(None, ["images.server.tag=1.2", "images.server.tag=null"]) == Settings()


def test_reset_drops_all_of_them():
    resolved = resolve(LAST, assignments=["ui.replicas=2"], reset=True)
    assert resolved.document == {"ui": {"replicas": 2}}
    assert "grpc.replicas: 3 -> 1 (default)" in named(resolved)


def test_where_none_is_known_what_is_set_is_the_change():
    resolved = resolve(None, assignments=["grpc.replicas=2"])
    assert named(resolved) == ["grpc.replicas: 1 -> 2"]


def test_what_has_no_effect_is_no_change():
    assert resolve({}, assignments=["grpc.replicas=1"]).changes == ()
    assert changes({"grpc": {"extraEnv": {"X": 30}}}, {"grpc": {"extraEnv": {"X": "30"}}}) == ()


def test_entries_of_maps_and_names_with_dots_are_changes_of_their_own():
    resolved = resolve(
        {"scheduling": {"nodeSelector": {"a": "1"}}},
        assignments=[r"scheduling.nodeSelector.example\.com/b=2", "scheduling.nodeSelector.a=null"],
    )
    assert named(resolved) == [
        "scheduling.nodeSelector.a: 1 -> not set",
        r"scheduling.nodeSelector.example\.com/b: not set -> 2",
    ]


def test_secrets_are_masked_in_changes():
    resolved = resolve({}, assignments=["grpc.extraEnv.DB_PASSWORD=hunter2", "grpc.extraEnv.LEVEL=3"])
    assert "hunter2" not in "".join(named(resolved))
    assert f"grpc.extraEnv.DB_PASSWORD: not set -> {MASK}" in named(resolved)
    assert "grpc.extraEnv.LEVEL: not set -> 3" in named(resolved)


def test_settings_of_an_older_release_are_named_with_what_drops_them():
    last = {"gprc": {"replicas": 2}, "logLevel": "verbose", "ui": {"replicas": 2}}
    with pytest.raises(UserError, match="not valid in this version") as caught:
        resolve(last, assignments=["rest.replicas=2"])
    assert "gprc: no such setting" in caught.value.details
    assert "'verbose' is not one of" in caught.value.details
    assert "--set logLevel=null --set gprc=null" in caught.value.hint

    resolved = resolve(last, assignments=["gprc=null", "logLevel=null"])
    assert resolved.document == {"ui": {"replicas": 2}}
    assert resolve(last, reset=True).document == {}


def test_a_mistake_of_now_is_not_blamed_on_the_last_revision():
    with pytest.raises(UserError, match="Invalid settings") as caught:
        resolve(LAST, assignments=["grpc.replicas=0"])
    assert "less than 1" in caught.value.details


def test_a_masked_value_is_not_taken_for_the_secret():
    with pytest.raises(UserError, match=r"grpc\.extraEnv\.TOKEN"):
        resolve({}, assignments=[f"grpc.extraEnv.TOKEN={MASK}"])


@pytest.mark.parametrize(
    ("settings", "secret"),
    [
        ({"grpc": {"extraEnv": {"MY_PASSWORD": "s3cr3t"}}}, "s3cr3t"),
        ({"ui": {"extraEnv": {"AWS_SECRET_ACCESS_KEY": "s3cr3t"}}}, "s3cr3t"),
        ({"rest": {"extraEnv": {"PROXY": "http://me:s3cr3t@proxy:3128"}}}, "s3cr3t"),
        ({"mysql": {"extraArgs": ["--loose-vault-password=s3cr3t"]}}, "s3cr3t"),
    ],
)
def test_secret_values_are_masked(settings, secret):
    assert secret not in str(masked(settings))
    assert MASK in str(masked(settings))


def test_names_of_secrets_and_other_settings_are_shown():
    settings = {
        "externalMysql": {"secret": "metadata-db-secrets", "passwordKey": "MYSQL_PASSWORD", "host": "db"},
        "grpc": {"extraEnv": {"A_TOKEN": {"valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}, "LEVEL": "1"}},
        "images": {"pullSecrets": ["registry"]},
    }
    assert masked(settings) == settings


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "logLevel": st.sampled_from(["debug", "info", "error"]),
            "grpc": st.fixed_dictionaries(
                {},
                optional={
                    "replicas": st.integers(1, 9),
                    "extraEnv": st.dictionaries(
                        st.sampled_from(["A", "B"]),
                        st.sampled_from(["", "off", "1e3", "0o17", "a: b", "null", "y", "\n"]),
                    ),
                },
            ),
            "scheduling": st.fixed_dictionaries(
                {"nodeSelector": st.dictionaries(st.just("example.com/a"), st.sampled_from(["b", "1", "true"]))}
            ),
        },
    )
)
def test_settings_that_are_shown_read_back_to_the_same(document):
    wanted = settings_of(document)
    assert settings_of(yaml.safe_load(dump(document))) == wanted
    assert settings_of(yaml.safe_load(dump(with_defaults(document)))) == wanted
    assert changes(document, with_defaults(document)) == ()
