"""The permissions that are checked before an installation cover every object that any settings make."""

from __future__ import annotations

from kubeflow_metadata.installer import kinds
from kubeflow_metadata.installer.cluster.checks import rights
from tests.support.packaging.rendered import Rendered


def test_every_kind_is_in_the_table_that_permissions_and_their_documentation_come_from(
    rendered: list[Rendered],
) -> None:
    made = {(each["apiVersion"], each["kind"]) for one in rendered for each in (*one.kustomize, *one.helm)}

    assert made <= {(each.api_version, each.name) for each in kinds.KINDS}


def test_every_object_can_be_created_changed_and_deleted_with_what_is_asked_for(rendered: list[Rendered]) -> None:
    for one in rendered:
        asked = {(each.api_version, each.kind, each.verb) for each in rights.to_install(one.kustomize)}
        for made in one.kustomize:
            for verb in ("get", "list", "create", "patch", "delete"):
                assert (made["apiVersion"], made["kind"], verb) in asked, one


def test_what_every_role_hands_out_is_known(rendered: list[Rendered]) -> None:
    for one in rendered:
        roles = [each for each in one.kustomize if each["kind"] == "Role"]
        assert bool(rights.handed_out(roles)) == bool(roles), one
