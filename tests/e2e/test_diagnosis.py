"""The diagnosis against a real cluster: each fault is provoked in a namespace of its own, all at the same time."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from kubeflow_metadata.installer import catalog
from kubeflow_metadata.installer.cluster.connection.kubeconfig import connect
from kubeflow_metadata.installer.cluster.diagnosis import causes, text
from kubeflow_metadata.installer.cluster.diagnosis.diagnose import diagnose
from kubeflow_metadata.installer.cluster.diagnosis.finding import Diagnosis
from tests.support.cluster import tools
from tests.support.cluster.kind import Cluster
from tests.support.e2e import faults, workloads
from tests.support.e2e.faults import FAULTS, MARK, Fault
from tests.support.waiting import eventually

# Two at once: the first concerns a part that the second one's does not need.
PAIRS = [
    ("crash", "image_never"),
    ("no_cpu", "config_map_missing"),
    ("registry_away", "no_matching_node"),
    ("secret_missing", "oom"),
    ("class_missing", "crash"),
]


@dataclass(frozen=True)
class Provoked:
    """Namespaces with faults in them."""

    cluster: Cluster
    prefix: str

    def namespace(self, name: str) -> str:
        return f"{self.prefix}-{name}".replace("_", "-")

    def diagnosis(self, name: str) -> Diagnosis:
        with mock.patch.dict(os.environ, self.cluster.environment):
            return diagnose(connect(self.cluster.context, self.namespace(name)))

    def provoke(self, name: str, *provoking: Fault, image: str) -> None:
        namespace = self.namespace(name)
        level = "restricted" if name in faults.STRICT else "privileged"
        workloads_of = [made for fault in provoking for made in fault.objects(image, namespace)]
        self.cluster.kubectl("create", "namespace", namespace)
        self.cluster.kubectl(
            "label", "namespace", namespace, f"{MARK}={name}", f"pod-security.kubernetes.io/enforce={level}"
        )
        workloads.apply(self.cluster, namespace, *workloads_of)
        for fault in provoking:
            if fault.after is not None:
                fault.after(self.cluster, namespace)


def pair(one: str, other: str) -> str:
    return f"{one}-{other}"


def second(fault: Fault) -> Fault:
    """The same fault in the UI, beside one in another part."""

    def objects(image: str, namespace: str) -> list[faults.Object]:
        made = fault.objects(image, namespace)
        return [_as_ui(each) if each["kind"] == "Deployment" else each for each in made]

    return Fault(fault.code, objects, fault.says)


def _as_ui(made: faults.Object) -> faults.Object:
    plain = faults.server("ui", "")
    labels = {faults.PART: "ui"}
    template = {**made["spec"]["template"], "metadata": {"labels": labels}}
    return {**plain, "spec": {**made["spec"], "selector": {"matchLabels": labels}, "template": template}}


@pytest.fixture(scope="module")
def image(cluster: Cluster, request: pytest.FixtureRequest) -> str:
    """Our image, which a foreign cluster is expected to have."""
    if cluster.engine is not None:
        request.getfixturevalue("loaded")
    return catalog.server_reference()


@pytest.fixture(scope="module")
def provoked(cluster: Cluster, image: str) -> Iterator[Provoked]:
    tools.build([tools.KUBECTL])
    made = Provoked(cluster, f"e2e-{secrets.token_hex(3)}")
    shared = faults.of_the_cluster()
    workloads.apply(cluster, "default", *shared)
    wanted = {name: [fault] for name, fault in FAULTS.items()}
    wanted |= {pair(one, other): [FAULTS[one], second(FAULTS[other])] for one, other in PAIRS}
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda each: made.provoke(each[0], *each[1], image=image), wanted.items()))
        yield made
    finally:
        for name in wanted:
            cluster.kubectl("delete", "namespace", made.namespace(name), "--wait=false", "--ignore-not-found")
        for name in ("claim_terminating", "stuck_termination"):
            release(made, name)
        names = [f"{each['kind'].lower()}/{each['metadata']['name']}" for each in shared]
        cluster.kubectl("delete", *names, "--ignore-not-found")


def release(provoked: Provoked, name: str) -> None:
    """Removes the finalizers that a fault is about."""
    namespace = f"--namespace={provoked.namespace(name)}"
    for each in provoked.cluster.kubectl("get", "pods,pvc", namespace, "--output=name").split():
        patch = '--patch={"metadata":{"finalizers":null}}'
        provoked.cluster.kubectl("patch", each, namespace, "--type=merge", patch, check=False)


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_the_cause_is_named_alone_with_what_it_is_about(provoked: Provoked, name: str) -> None:
    fault = FAULTS[name]

    def look() -> Diagnosis | None:
        found = provoked.diagnosis(name)
        return found if [each.code for each in found.findings] == [fault.code] else None

    found = eventually(look, f"{fault.code} alone in {provoked.namespace(name)}", seconds=200)
    shown = text.as_text(found)
    assert fault.says in " ".join(shown.split()), shown
    assert not found.unread


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_of_two_faults_at_once_both_are_named_and_nothing_else(provoked: Provoked, one: str, other: str) -> None:
    wanted = {FAULTS[one].code, FAULTS[other].code}
    name = pair(one, other)
    eventually(
        lambda: {each.code for each in provoked.diagnosis(name).findings} == wanted, f"{wanted} in {name}", seconds=200
    )


@pytest.mark.parametrize(("role", "unread"), [("view", "Secret"), (None, "Pod")])
def test_without_rights_it_says_what_it_does_not_know(
    provoked: Provoked, tmp_path: Path, role: str | None, unread: str
) -> None:
    """The kubelet tells of a missing Secret those who may not look for it; without any right, nothing is known."""
    name, user = "secret_missing", f"rights-{role or 'none'}"
    namespace = provoked.namespace(name)
    here = f"--namespace={namespace}"
    provoked.cluster.kubectl("create", "serviceaccount", user, here)
    if role is not None:
        account = f"--serviceaccount={namespace}:{user}"
        provoked.cluster.kubectl("create", "rolebinding", user, f"--clusterrole={role}", account, here)
    file = tmp_path / "kubeconfig"
    file.write_text(_as_account(provoked.cluster, provoked.cluster.kubectl("create", "token", user, here).strip()))

    def look() -> Diagnosis | None:
        with mock.patch.dict(os.environ, {"KUBECONFIG": str(file)}):
            found = diagnose(connect(provoked.cluster.context, namespace))
        wanted = causes.SECRET_MISSING if role else causes.UNSEEN
        return found if [each.code for each in found.findings] == [wanted.code] else None

    found = eventually(look, "the cause, as far as it may be seen", seconds=60)
    assert any(unread in each for each in found.unread)
    assert not provoked.diagnosis(name).unread


def _as_account(cluster: Cluster, token: str) -> str:
    """The kubeconfig of a cluster with a token in place of its user."""
    whole = json.loads(cluster.kubectl("config", "view", "--minify", "--raw", "--output=json"))
    whole["users"] = [{"name": each["name"], "user": {"token": token}} for each in whole["users"]]
    return json.dumps(whole)


@pytest.mark.parametrize("name", sorted(name for name, fault in FAULTS.items() if fault.remedy))
def test_a_cause_that_was_removed_is_gone_at_once(provoked: Provoked, name: str) -> None:
    fault = FAULTS[name]
    eventually(lambda: provoked.diagnosis(name).findings, f"{name} is there", seconds=200)
    workloads.apply(provoked.cluster, provoked.namespace(name), *fault.remedy)

    assert fault.code not in [each.code for each in provoked.diagnosis(name).findings]
