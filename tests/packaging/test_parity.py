"""kustomize and Helm make the same objects."""

from __future__ import annotations

import difflib

import pytest
import yaml

from kubeflow_metadata.installer.model.loading import settings_of
from kubeflow_metadata.installer.render.overlay import Overlay
from kubeflow_metadata.installer.render.sources import manifests
from tests.support.cluster import tools
from tests.support.packaging import configurations, rendering
from tests.support.packaging.configurations import Configuration
from tests.support.packaging.rendered import Rendered
from tests.support.packaging.rendering import Object


def assert_equal(rendered: Rendered) -> None:
    ours = rendering.comparable(rendered.kustomize, "kustomize")
    theirs = rendering.comparable(rendered.helm, "Helm")
    differences = [
        f"{key}\n{difference(ours.get(key), theirs.get(key))}"
        for key in sorted(ours.keys() | theirs.keys())
        if ours.get(key) != theirs.get(key)
    ]
    assert not differences, f"{rendered}\n" + "\n".join(differences)


def difference(ours: Object | None, theirs: Object | None) -> str:
    one, other = (yaml.safe_dump(each).splitlines() for each in (ours, theirs))
    return "\n".join(difflib.unified_diff(one, other, "kustomize", "Helm", lineterm="", n=2))


def test_the_objects_of_every_configuration_are_equal(rendered):
    assert len(rendered) == len(configurations.named()) + configurations.DRAWN
    for each in rendered:
        assert_equal(each)


def test_what_is_drawn_turns_every_switch_on_and_off(rendered):
    drawn = [each.configuration.values for each in rendered if each.configuration.name.startswith("drawn")]
    for switch in ("besideKfp", "externalMysql", "highAvailability", "istio", "monitoring", "small"):
        on = sum(bool(values.get(switch, {}).get("enabled")) for values in drawn)
        assert 0 < on < len(drawn), switch


def test_helm_3_makes_what_helm_4_makes(rendered, tmp_path):
    for each in rendered[: len(configurations.named())]:
        assert rendering.helm(each.configuration, tmp_path, tool=tools.HELM_3) == each.helm, str(each)


def test_the_oldest_kustomize_makes_what_the_newest_makes(rendered, tmp_path):
    for each in rendered[: len(configurations.named())]:
        rendering.kustomize(each.configuration, tmp_path)
        assert rendering.kustomize_build(tmp_path, tool=tools.KUSTOMIZE_OLDEST) == each.kustomize, str(each)


@pytest.mark.parametrize("overlay", [file.parent.name for file in sorted(manifests().glob("overlays/*/settings.yaml"))])
def test_each_overlay_installs_what_its_settings_give_helm(overlay, tmp_path):
    directory = manifests() / "overlays" / overlay
    values = yaml.safe_load((directory / "settings.yaml").read_text())
    namespace = yaml.safe_load((directory / "kustomization.yaml").read_text())["namespace"]
    configuration = Configuration(overlay, values, namespace)
    chart = [each for each in rendering.helm(configuration, tmp_path) if not is_smoke(each)]

    assert_equal(Rendered(configuration, rendering.kustomize_build(directory), chart))


def test_lists_of_the_defaults_are_in_the_same_order(rendered):
    """Kubernetes treats a different order as a change, which would restart the pods on a switch."""
    ours, theirs = (
        {(made["kind"], made["metadata"]["name"]): rendering.pod_spec(made) for made in objects}
        for objects in (rendered[0].kustomize, rendered[0].helm)
    )
    assert ours == theirs


def test_the_base_alone_is_what_the_chart_installs_by_default(tmp_path):
    chart = [each for each in rendering.helm(Configuration("defaults"), tmp_path) if not is_smoke(each)]

    assert_equal(Rendered(Configuration("base"), rendering.kustomize_build(manifests() / "base"), chart))


def test_rendering_again_gives_the_same_bytes(tmp_path):
    for configuration in configurations.named():
        texts = []
        for place in (tmp_path / "a", tmp_path / "b"):
            file = Overlay(settings_of(configuration.values), configuration.namespace).write(place)
            texts.append(file.read_bytes())
        assert texts[0] == texts[1]


def is_smoke(each: Object) -> bool:
    return bool(each["metadata"]["labels"]["metadata.kubeflow.org/part"] == "smoke")
