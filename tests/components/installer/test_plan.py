"""Plans: what they say is what ``up`` does, and after it they are empty."""

from __future__ import annotations

import copy
import itertools
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cli import options
from kubeflow_metadata.installer.cli.main import main
from kubeflow_metadata.installer.cluster import inventory, smoke
from kubeflow_metadata.installer.cluster.checks import codes, probe
from kubeflow_metadata.installer.cluster.connection import kubeconfig
from kubeflow_metadata.installer.cluster.engines.helm import Helm
from kubeflow_metadata.installer.cluster.engines.kustomize import Kustomize
from kubeflow_metadata.installer.cluster.engines.protocol import Progress
from kubeflow_metadata.installer.cluster.planning import comparison, planner, text
from kubeflow_metadata.installer.cluster.planning.plan import Action
from kubeflow_metadata.installer.cluster.port import FIELD_MANAGER, ForbiddenError, RejectedError
from kubeflow_metadata.installer.cluster.smoke import SmokeResult
from kubeflow_metadata.installer.cluster.state import lease, revisions
from kubeflow_metadata.installer.cluster.state.lease import LeaseHeldError
from kubeflow_metadata.installer.cluster.state.settings import Change as SettingChange
from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs.down import down
from kubeflow_metadata.installer.verbs.target import Target
from kubeflow_metadata.installer.verbs.up import Wishes, up
from tests.support import server_side_apply
from tests.support.fake_cluster import FakeClock, FakeCluster

GOLDEN = Path(__file__).parent / "golden" / "plan"
PART = "metadata.kubeflow.org/part"
TRACKING = "argocd.argoproj.io/tracking-id"


def thing(kind, name, api_version="v1", **fields):
    metadata = {"name": name, "namespace": "kubeflow", "labels": {PART: "x"}}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def deployment(image="server:1", replicas=1, **environment):
    env = [{"name": name, "value": value} for name, value in environment.items()]
    containers = [{"name": "ui", "image": image, "env": env}]
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": {PART: "x"}},
        "template": {"spec": {"containers": containers}},
    }
    return thing("Deployment", "server", "apps/v1", spec=spec)


def claim(storage_class="standard"):
    return thing(
        "PersistentVolumeClaim",
        "data",
        spec={"storageClassName": storage_class, "resources": {"requests": {"storage": "1Gi"}}},
    )


STORAGE_CLASS = {"kind": "StorageClass", "metadata": {"name": "standard"}, "provisioner": "example.org/disks"}


def objects():
    return [
        deployment(),
        thing("Service", "server", spec={"selector": {PART: "x"}}),
        claim(),
        thing("ConfigMap", "settings", data={"a": "1"}),
        thing("ServiceAccount", "account"),
    ]


@pytest.fixture
def cluster():
    made = FakeCluster()
    made.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kubeflow"}})
    made.immutable = {"PersistentVolumeClaim": ("storageClassName",), "Deployment": ("selector",)}
    return made


def noting(notes, answer):
    """Returns what notes whatever it is called with, and answers."""

    def called(*what):
        notes.append(what)
        return answer

    return called


def plan_of(cluster, wanted, **options):
    return planner.make(cluster, Kustomize(), wanted, **options)


def apply(cluster, wanted, **options):
    plan = plan_of(cluster, wanted, **options)
    progress = Progress(lambda _text: None, lambda _text: None, clock=FakeClock())
    Kustomize().apply(cluster, Settings(), plan, progress)
    return plan


def actions(plan):
    return {str(each.identity): each.action for each in plan.pending}


def fields_of(plan, name):
    (change,) = [each for each in plan.pending if str(each.identity) == name]
    return {each.path: (each.before, each.after) for each in change.fields}


class TestPlan:
    def test_without_a_namespace_all_is_created_and_admission_is_not_checked(self):
        plan = plan_of(FakeCluster(), objects())

        assert set(actions(plan).values()) == {Action.CREATE}
        assert "Namespace kubeflow" in actions(plan)
        assert not plan.admission_checked

    def test_it_changes_nothing(self, cluster):
        apply(cluster, objects())
        before = copy.deepcopy(cluster.objects)
        plan_of(cluster, [deployment(image="server:2")])

        assert cluster.objects == before

    def test_after_applying_nothing_is_left(self, cluster):
        assert apply(cluster, objects()).counts["create"] == 5
        assert plan_of(cluster, objects()).is_empty

    def test_it_names_each_field_with_both_values(self, cluster):
        apply(cluster, [deployment(A="1", B="2")])
        plan = plan_of(cluster, [deployment(image="server:2", replicas=2, A="3")])

        assert fields_of(plan, "Deployment server") == {
            "spec.replicas": (1, 2),
            "spec.template.spec.containers[ui].image": ("server:1", "server:2"),
            "spec.template.spec.containers[ui].env[A].value": ("1", "3"),
            "spec.template.spec.containers[ui].env[B].value": ("2", None),
        }

    def test_what_is_no_longer_wanted_is_deleted_by_name_but_never_data(self, cluster):
        apply(cluster, objects())
        plan = plan_of(cluster, [deployment()])

        assert actions(plan) == {
            "Service server": Action.DELETE,
            "ConfigMap settings": Action.DELETE,
            "ServiceAccount account": Action.DELETE,
        }

    def test_settings_that_change_come_first(self, cluster):
        plan = plan_of(cluster, objects(), settings=[SettingChange("ui.replicas", 1, 2)])

        assert text.render(plan).startswith("Settings:\n  ui.replicas: 1 -> 2\n")

    def test_what_another_changed_is_drift_with_its_name(self, cluster):
        apply(cluster, objects())
        present = cluster.objects["Deployment", "server"]
        cluster.add(server_side_apply.changed_by(present, "kubectl-edit", ("f:spec", "f:replicas"), 5))
        plan = plan_of(cluster, objects())

        (field,) = plan.pending[0].fields
        assert (field.before, field.after, field.manager, field.is_drift) == (5, 1, "kubectl-edit", True)
        apply(cluster, objects())
        assert plan_of(cluster, objects()).is_empty

    def test_fields_that_others_add_are_left_alone(self, cluster):
        apply(cluster, objects())
        present = cluster.objects["Deployment", "server"]
        path = ("f:metadata", "f:annotations", "f:note")
        cluster.add(server_side_apply.changed_by(present, "kubectl-edit", path, "mine"))

        assert plan_of(cluster, objects()).is_empty
        apply(cluster, [deployment(replicas=2)])
        assert cluster.objects["Deployment", "server"]["metadata"]["annotations"] == {"note": "mine"}

    def test_what_another_tool_applied_is_taken_over_with_what_only_that_one_wanted(self, cluster):
        with_label = deployment()
        with_label["metadata"]["labels"]["tool"] = "yes"
        cluster.apply(with_label, manager="kubectl")
        plan = plan_of(cluster, [deployment()])

        (change,) = plan.pending
        assert change.taken_from == ("kubectl",)
        assert fields_of(plan, "Deployment server") == {"metadata.labels.tool": ("yes", None)}
        apply(cluster, [deployment()])
        assert "tool" not in cluster.objects["Deployment", "server"]["metadata"]["labels"]
        assert plan_of(cluster, [deployment()]).is_empty

    def test_a_password_that_was_applied_by_hand_stays(self, cluster):
        cluster.apply(thing("Secret", "s", data={"password": "eA=="}), manager="kubectl")
        apply(cluster, [thing("Secret", "s")])

        assert cluster.objects["Secret", "s"]["data"] == {"password": "eA=="}

    def test_a_role_binding_that_only_waits_for_its_role_is_created(self, cluster):
        rbac = "rbac.authorization.k8s.io/v1"
        role = thing("Role", "access", rbac, rules=[])
        binding = thing("RoleBinding", "binding", rbac, roleRef={"kind": "Role", "name": "access"}, subjects=[])
        # What the API server says to whoever may not bind any Role.
        cluster.rejected["binding"] = 'rolebindings.rbac.authorization.k8s.io "binding" not found'
        planned = planner.make(cluster, Kustomize(), [role, binding])

        assert {each.identity.name for each in planned.of(Action.CREATE)} == {"access", "binding"}
        assert planned.findings == ()
        cluster.apply(role)
        assert planner.make(cluster, Kustomize(), [role, binding]).findings != ()


class TestRecreation:
    def test_a_claim_that_never_bound_is_made_again(self, cluster):
        apply(cluster, [claim("wrong")])
        uid = cluster.objects["PersistentVolumeClaim", "data"]["metadata"]["uid"]
        plan = plan_of(cluster, [claim("right")])

        (change,) = plan.pending
        assert change.action is Action.RECREATE
        assert "never bound" in change.reason
        assert fields_of(plan, "PersistentVolumeClaim data") == {"spec.storageClassName": ("wrong", "right")}
        apply(cluster, [claim("right")])
        assert cluster.objects["PersistentVolumeClaim", "data"]["metadata"]["uid"] != uid
        assert plan_of(cluster, [claim("right")]).is_empty

    def test_a_claim_that_is_bound_never_is(self, cluster):
        apply(cluster, [claim("wrong")])
        cluster.objects["PersistentVolumeClaim", "data"]["status"] = {"phase": "Bound"}
        plan = plan_of(cluster, [claim("right")])

        (finding,) = plan.findings
        assert "holds data" in finding.sentence
        assert "spec.storageClassName" in finding.sentence
        assert not plan.of(Action.RECREATE)

    def test_one_that_was_bound_after_the_plan_is_kept(self, cluster):
        apply(cluster, [claim("wrong")])
        plan = plan_of(cluster, [claim("right")])
        cluster.objects["PersistentVolumeClaim", "data"]["status"] = {"phase": "Bound"}

        with pytest.raises(UserError, match="has been bound"):
            Kustomize().apply(cluster, Settings(), plan, Progress(print, print, clock=FakeClock()))
        assert cluster.objects["PersistentVolumeClaim", "data"]["spec"]["storageClassName"] == "wrong"

    def test_a_workload_with_another_selector_is_made_again(self, cluster):
        apply(cluster, [deployment()])
        other = deployment()
        other["spec"]["selector"]["matchLabels"]["more"] = "yes"
        plan = plan_of(cluster, [other])

        assert actions(plan) == {"Deployment server": Action.RECREATE}
        apply(cluster, [other])
        assert plan_of(cluster, [other]).is_empty


class TestFindings:
    def test_rejections_are_part_of_the_plan(self, cluster):
        cluster.rejected["server"] = "denied by a webhook"
        plan = plan_of(cluster, [deployment()])

        assert [each.details for each in plan.findings] == ["denied by a webhook"]
        assert "denied by a webhook" in text.render(plan)

    def test_a_webhook_without_dry_runs_is_no_rejection(self, cluster):
        cluster.rejected["server"] = 'admission webhook "x" does not support dry run'
        plan = plan_of(cluster, [deployment()])

        assert plan.findings == ()
        assert "not checked" in " ".join(plan.notes)

    def test_missing_rights_are_told_once_and_the_rest_is_shown(self, cluster):
        apply(cluster, objects())
        cluster.forbidden |= {("patch", "Deployment"), ("patch", "Service")}
        plan = plan_of(cluster, [deployment(replicas=3), *objects()[1:]])

        (finding,) = plan.findings
        assert finding.subject == "Service server, Deployment server"
        assert fields_of(plan, "Deployment server") == {"spec.replicas": (1, 3)}

    def test_pods_that_the_cluster_would_reject_are_found_before_anything_is_applied(self, cluster, monkeypatch):
        tried = []

        def create(made, *, dry_run):
            assert dry_run
            tried.append(made)
            raise RejectedError("The cluster rejected it.", details='violates PodSecurity "restricted:latest"')

        monkeypatch.setattr(cluster, "create", create)
        plan = plan_of(cluster, [deployment(), thing("ConfigMap", "settings")])

        (pod,) = tried
        assert (pod["kind"], pod["spec"]["containers"][0]["name"]) == ("Pod", "ui")
        (finding,) = plan.findings
        assert finding.subject == "Deployment server"
        assert "restricted" in finding.details

    def test_without_the_permission_to_create_pods_the_plan_says_so(self, cluster, monkeypatch):
        def create(_made, **_how):
            raise ForbiddenError("Permission denied: cannot create Pod.")

        monkeypatch.setattr(cluster, "create", create)
        plan = plan_of(cluster, [deployment()])

        assert plan.findings == ()
        assert "permission to create pods" in plan.notes[0]

    def test_a_missing_kind_is_named(self, cluster):
        cluster.unknown_kinds.add("ServiceMonitor")
        plan = plan_of(cluster, [thing("ServiceMonitor", "server", "monitoring.coreos.com/v1")])

        assert "no kind ServiceMonitor" in plan.findings[0].sentence

    def test_a_name_of_another_installation_is_left_alone(self, cluster):
        cluster.add(thing("Service", "server", spec={"selector": {"component": "metadata-grpc-server"}}))
        plan = plan_of(cluster, objects())

        (finding,) = plan.findings
        assert "belongs to another installation" in finding.sentence
        assert "besideKfp.enabled=true" in finding.hint


SECRETS = [
    (thing("Secret", "s", data={"password": "aHVudGVyMg=="}), thing("Secret", "s", data={"password": "b3RoZXI="})),
    (deployment(DB_PASSWORD="hunter2"), deployment(DB_PASSWORD="other")),
    (deployment(DB_PASSWORD="hunter2"), deployment()),
    (deployment(), deployment(API_TOKEN="hunter2")),
]


@pytest.mark.parametrize(("before", "after"), SECRETS)
def test_secrets_are_never_shown(cluster, before, after):
    apply(cluster, [before])
    plan = plan_of(cluster, [after])

    shown = text.render(plan) + json.dumps(text.as_document(plan))
    assert plan.pending
    assert "(hidden)" in shown
    for secret in ("hunter2", "aHVudGVyMg==", "b3RoZXI=", "other"):
        assert secret not in shown


names = st.sampled_from(["a", "b", "name", "image", "spec"])
values = st.recursive(
    st.booleans() | st.integers(0, 3) | st.text("xy", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
documents = st.dictionaries(names, values, max_size=3)


@given(documents)
def test_nothing_differs_from_itself(document):
    assert comparison.differences(document, copy.deepcopy(document)) == []


@given(documents, documents)
def test_two_documents_that_differ_have_a_difference(one, other):
    assert bool(comparison.differences(one, other)) == (
        json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True)
    )


data = st.dictionaries(st.sampled_from("abc"), st.text("xy", max_size=2), max_size=3)


@given(st.lists(st.tuples(data, st.booleans(), st.integers(0, 2)), min_size=1, max_size=4))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_is_applied_in_a_row_leaves_an_empty_plan(steps):
    cluster = FakeCluster()
    cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kubeflow"}})
    for values_of, has_service, replicas in steps:
        wanted = [thing("ConfigMap", "settings", data=values_of), deployment(replicas=replicas, **values_of)]
        if has_service:
            wanted.append(thing("Service", "server", spec={"selector": {PART: "x"}}))
        plan = apply(cluster, wanted)
        assert plan_of(cluster, wanted).is_empty
        assert {each for each in cluster.objects if each[0] == "Service"} == (
            {("Service", "server")} if has_service else set()
        )
        assert len(plan.wanted) == len(wanted)
        assert cluster.objects["ConfigMap", "settings"].get("data", {}) == values_of


def rich_plan(cluster):
    apply(cluster, [*objects(), thing("Secret", "s", data={"password": "eA=="})])
    present = cluster.objects["ConfigMap", "settings"]
    cluster.add(server_side_apply.changed_by(present, "kubectl-edit", ("f:data", "f:a"), "theirs"))
    cluster.rejected["new"] = "exceeded quota"
    long = "registry.example.org/a/very/long/path/of/an/image/that/does/not/fit:1"
    wanted = [
        deployment(image=long, replicas=2, A="1"),
        claim("other"),
        thing("ConfigMap", "settings", data={"a": "1"}),
        thing("Secret", "s", data={"password": "eQ=="}),
        thing("ServiceAccount", "account"),
        thing("NetworkPolicy", "added", "networking.k8s.io/v1"),
        thing("Job", "new", "batch/v1"),
    ]
    changes = [SettingChange("ui.replicas", 1, 2), SettingChange("logLevel", "debug", "info", is_default=True)]
    return plan_of(cluster, wanted, settings=changes)


def test_the_text_is_as_wide_as_a_terminal(cluster):
    rendered = text.render(rich_plan(cluster))

    assert rendered == (GOLDEN / "rich.txt").read_text().rstrip("\n")
    assert max(map(len, rendered.splitlines())) <= 80


def test_the_document_says_the_same(cluster):
    assert text.as_document(rich_plan(cluster)) == json.loads((GOLDEN / "rich.json").read_text())


def test_colours_add_nothing_to_read(cluster):
    plan = rich_plan(cluster)
    coloured = text.render(plan, lambda words, _colour: f"<{words}>")

    assert coloured.replace("<", "").replace(">", "") == text.render(plan).replace(">", "")


class TestVerbs:
    @pytest.fixture
    def wanted(self, monkeypatch, cluster):
        """What the settings ask for."""
        wanted = objects()
        cluster.add(STORAGE_CLASS)
        self.smoked = []
        monkeypatch.setattr(kubeconfig, "connect", lambda _context, _namespace: cluster)
        monkeypatch.setattr(Kustomize, "objects", lambda *_args: copy.deepcopy(wanted))
        monkeypatch.setattr(smoke, "run", noting(self.smoked, SmokeResult(True, "6 passed, 0 failed")))
        return wanted

    def up(self, confirm=None, settings=(), **wishes):
        up(Target(assignments=settings), None, 5, Terminal(), FakeClock(), Wishes(**wishes), confirm)

    def test_plan_exits_with_0_1_or_2(self, wanted, cluster):
        def code(*more):
            return CliRunner().invoke(main, ["plan", *more]).exit_code

        assert code() == 0
        assert code("--detailed-exitcode") == 2
        self.up()
        assert code("--detailed-exitcode") == 0
        cluster.rejected["server"] = "no"
        assert code("--detailed-exitcode") == 1
        assert code() == 0

    def test_plan_is_one_json_document(self, wanted):
        done = CliRunner().invoke(main, ["plan", "-o", "json"])

        assert json.loads(done.stdout)["counts"]["create"] == 5

    def test_nothing_to_change_skips_applying_and_the_smoke_test(self, wanted, cluster, capsys):
        self.up()
        cluster.applied.clear()
        self.up()

        assert cluster.applied == []
        assert len(self.smoked) == 1
        assert "Nothing to change" in capsys.readouterr().err
        self.up(smoke=True)
        assert len(self.smoked) == 2

    def test_the_smoke_test_can_be_left_out(self, wanted):
        self.up(smoke=False)
        assert self.smoked == []

    def test_only_what_differs_is_applied(self, wanted, cluster):
        self.up()
        cluster.applied.clear()
        wanted[0] = deployment(replicas=2)
        self.up()

        assert [each for each in cluster.applied if each[1] != inventory.NAME] == [("Deployment", "server")]

    def test_what_a_plan_does_not_tell_is_checked_before_anything_is_applied(self, wanted, cluster):
        del cluster.objects["StorageClass", "standard"]
        with pytest.raises(UserError, match="There is no StorageClass standard") as caught:
            self.up()
        assert "--skip-checks" in caught.value.hint
        assert cluster.applied == []
        self.up(checks=False)
        assert "data" in cluster.names("PersistentVolumeClaim")

    def test_an_external_database_that_cannot_be_used_is_found_before_anything_is_applied(
        self, wanted, cluster, monkeypatch
    ):
        cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": cluster.namespace}})
        cluster.add(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "metadata-external-mysql"},
                "data": {"username": "dQ==", "password": "cA=="},
            }
        )
        refused = codes.DATABASE_PROBE.failed("The database at db:3306 cannot be used: access denied.", "Correct it.")
        monkeypatch.setattr(probe, "run", lambda *_args: refused)
        settings = (
            "externalMysql.enabled=true",
            "externalMysql.host=db",
            "externalMysql.secret=metadata-external-mysql",
            "externalMysql.tls.mode=off",
        )

        with pytest.raises(UserError, match="access denied"):
            self.up(settings=settings)
        assert cluster.applied == []
        self.up(settings=settings, checks=False)
        assert cluster.applied != []

    def test_a_dry_run_shows_the_plan_and_does_nothing(self, wanted, cluster, capsys):
        self.up(dry_run=True)

        assert "Plan: 5 to create" in capsys.readouterr().out
        assert cluster.applied == []

    def test_no_means_no(self, wanted, cluster):
        asked = []
        with pytest.raises(UserError, match="nothing was changed"):
            self.up(confirm=noting(asked, False))
        assert "context fake" in asked[0][0]
        assert cluster.applied == []

    def test_nobody_is_asked_when_nothing_changes(self, wanted):
        self.up()
        self.up(confirm=lambda _question: pytest.fail("asked"))

    @pytest.mark.parametrize(("terminal", "more", "asked"), [(True, (), 1), (True, ("--yes",), 0), (False, (), 0)])
    def test_only_a_terminal_is_asked(self, wanted, monkeypatch, terminal, more, asked):
        questions = []
        monkeypatch.setattr(options, "is_interactive", lambda: terminal)
        monkeypatch.setattr(options, "ask", noting(questions, True))
        done = CliRunner().invoke(main, ["up", *more])

        assert done.exit_code == 0, done.output
        assert len(questions) == asked

    def test_what_differs_from_what_was_confirmed_is_not_applied(self, wanted, cluster):
        self.up()
        wanted[0] = deployment(replicas=2)

        def another_was_faster(_question):
            cluster.apply(deployment(replicas=3), force=True, manager="kubectl")
            return True

        with pytest.raises(UserError, match="has changed since") as caught:
            self.up(confirm=another_was_faster)
        assert "Deployment server" in caught.value.details
        assert cluster.objects["Deployment", "server"]["spec"]["replicas"] == 3

    def test_whoever_loses_the_lease_stops_between_two_objects(self, wanted, cluster, monkeypatch):
        class Lost:
            def check(self):
                if len(cluster.applied) > 2:
                    raise LeaseHeldError("Another command took it over.")

        class Held:
            def __enter__(self):
                return Lost()

            def __exit__(self, *_error):
                return None

        monkeypatch.setattr(lease, "held", lambda *_args: Held())
        with pytest.raises(LeaseHeldError):
            self.up()
        assert len(cluster.applied) == 3

    def test_what_was_cut_off_goes_on(self, wanted, cluster, monkeypatch):
        count = 0
        whole = FakeCluster.apply

        def killed(self, made, **how):
            nonlocal count
            count += not how.get("dry_run")
            if count > 3:
                raise KeyboardInterrupt
            return whole(self, made, **how)

        monkeypatch.setattr(FakeCluster, "apply", killed)
        with pytest.raises(KeyboardInterrupt):
            self.up()
        monkeypatch.setattr(FakeCluster, "apply", whole)
        self.up()

        assert plan_of(cluster, wanted).is_empty
        assert len(self.smoked) == 1

    def test_settings_last_and_a_change_is_shown(self, wanted, cluster, capsys):
        up(Target(assignments=("ui.replicas=2",)), None, 5, Terminal(), FakeClock())
        self.up()
        assert "Nothing to change" in capsys.readouterr().err
        up(Target(assignments=("ui.replicas=null",)), None, 5, Terminal(), FakeClock())
        assert "ui.replicas: 2 -> 1" in capsys.readouterr().err
        assert [each.outcome for each in revisions.history(cluster)] == ["deployed", "superseded"]
        assert len(self.smoked) == 2

    def test_what_failed_is_done_again_though_nothing_differs(self, wanted, cluster, monkeypatch, capsys):
        good = smoke.run
        monkeypatch.setattr(smoke, "run", lambda *_args: SmokeResult(False, "FAILED"))
        with pytest.raises(UserError, match="smoke test failed"):
            self.up()
        monkeypatch.setattr(smoke, "run", good)
        self.up()

        assert len(self.smoked) == 1
        assert "(revision 1) did not end well" in capsys.readouterr().err
        assert revisions.last(cluster).outcome == "deployed"

    def test_the_second_of_two_says_who_is_at_work(self, wanted, cluster, monkeypatch):
        seen = []

        def meanwhile(*_args):
            cluster.objects["Deployment", "server"]["metadata"]["resourceVersion"] = "changed"
            with pytest.raises(LeaseHeldError) as caught:
                up(Target(assignments=("ui.replicas=2",)), None, 5, Terminal(), FakeClock())
            seen.append(caught.value)
            return SmokeResult(True, "6 passed, 0 failed")

        spec = {"holderIdentity": "somebody@somewhere/1/up", "leaseDurationSeconds": 30}
        renewals = itertools.count()
        whole = FakeCluster.get

        def renewed(self, api_version, kind, name):
            record = whole(self, api_version, kind, name)
            if kind == "Lease" and record is not None:
                record["spec"] = {**spec, "renewTime": str(next(renewals))}
            return record

        monkeypatch.setattr(smoke, "run", meanwhile)
        monkeypatch.setattr(FakeCluster, "get", renewed)
        self.up()

        assert "somebody@somewhere/1/up" in str(seen[0])
        assert seen[0].exit_code == 4

    def test_what_argo_cd_manages_is_refused_until_told(self, wanted, cluster):
        self.up()
        cluster.objects["Service", "server"]["metadata"]["annotations"] = {TRACKING: "shop:v1/Service:kubeflow/server"}
        wanted[0] = deployment(replicas=2)
        with pytest.raises(UserError, match=r"Argo CD \(application shop\)") as caught:
            self.up()
        assert "Service server" in caught.value.details
        assert "--take-over" in caught.value.hint
        with pytest.raises(UserError, match="Argo CD"):
            down(Target(), Terminal(), delete_data=False, clock=FakeClock())
        assert cluster.objects["Deployment", "server"]["spec"]["replicas"] == 1

        self.up(take_over=True)
        assert TRACKING not in cluster.objects["Service", "server"]["metadata"]["annotations"]
        assert plan_of(cluster, wanted).is_empty

    def test_our_own_annotations_for_argo_cd_and_flux_are_no_marks(self, wanted):
        wanted[2]["metadata"]["annotations"] = {
            "argocd.argoproj.io/sync-options": "Prune=false",
            "kustomize.toolkit.fluxcd.io/prune": "disabled",
        }
        wanted[2]["metadata"]["labels"]["app.kubernetes.io/instance"] = "metadata"
        self.up()
        self.up()


class TestNarrowRights:
    @pytest.fixture
    def without_secrets(self, cluster, monkeypatch):
        """As the role ``view``, which reads all but Secrets and changes nothing."""
        monkeypatch.setattr(kubeconfig, "connect", lambda _context, _namespace: cluster)
        monkeypatch.setattr(Kustomize, "objects", lambda *_args: objects())
        apply(cluster, objects())
        whole = FakeCluster.list

        def listed(self, api_version, kind, selector="", field_selector=""):
            if kind == "Secret":
                raise ForbiddenError("Permission denied: cannot list Secret.")
            return whole(self, api_version, kind, selector, field_selector)

        monkeypatch.setattr(FakeCluster, "list", listed)
        cluster.forbidden |= {("patch", each["kind"]) for each in objects()}
        return cluster

    def test_the_plan_shows_what_can_be_seen_and_says_what_cannot(self, without_secrets):
        done = CliRunner().invoke(main, ["plan"])

        assert done.exit_code == 0, done.output
        assert "Permission denied for 5 objects" in done.stdout
        assert "5 unchanged" in done.stdout

    def test_a_release_is_known_by_its_objects(self, without_secrets):
        assert not Helm().owns(without_secrets)
        deployed = without_secrets.objects["Deployment", "server"]["metadata"]
        deployed["annotations"] = {"meta.helm.sh/release-name": "metadata"}
        assert Helm().owns(without_secrets)

    def test_up_changes_nothing(self, without_secrets):
        without_secrets.applied.clear()
        with pytest.raises(UserError, match="Permission denied"):
            up(Target(), None, 5, Terminal(), FakeClock())
        assert without_secrets.applied == []

    def test_down_says_what_it_may_not_look_for(self, without_secrets, capsys):
        down(Target(), Terminal(), delete_data=False, dry_run=True)
        assert "not looked for Secret" in capsys.readouterr().err


class TestDown:
    @pytest.fixture
    def installed(self, monkeypatch, cluster):
        monkeypatch.setattr(kubeconfig, "connect", lambda _context, _namespace: cluster)
        apply(cluster, objects())
        return cluster

    def test_a_dry_run_names_what_goes_and_what_stays(self, installed):
        before = copy.deepcopy(installed.objects)
        done = CliRunner().invoke(main, ["down", "--dry-run"])

        assert "- Deployment server" in done.stdout
        assert "Kept:\n  PersistentVolumeClaim data" in done.stdout
        assert installed.objects == before

    def test_data_goes_only_after_its_name_was_typed(self, installed):
        asked = []
        with pytest.raises(UserError, match="nothing was deleted"):
            down(
                Target(),
                Terminal(),
                delete_data=True,
                confirm=noting(asked, False),
                clock=FakeClock(),
            )
        assert asked == [("kubeflow",)]
        assert "data" in installed.names("PersistentVolumeClaim")
        down(Target(), Terminal(), delete_data=True, confirm=lambda _name: True, clock=FakeClock())
        assert installed.names("PersistentVolumeClaim") == set()

    @pytest.mark.parametrize("where", [(), ("--local",)])
    def test_without_a_terminal_data_goes_only_with_yes(self, installed, tmp_path, where):
        local = ("--data-dir", str(tmp_path)) if where else ()
        done = CliRunner().invoke(main, ["down", "--delete-data", *where, *local])

        assert done.exit_code in {2, 64}
        assert "requires --yes" in done.output
        assert "data" in installed.names("PersistentVolumeClaim")

    def test_settings_stay_until_the_data_goes(self, installed):
        revisions.begin(installed, "kustomize", {"logLevel": "debug"}, [])
        down(Target(), Terminal(), delete_data=False, clock=FakeClock())
        assert revisions.last(installed).settings == {"logLevel": "debug"}
        down(Target(), Terminal(), delete_data=True, clock=FakeClock())
        assert revisions.last(installed) is None

    def test_a_wrong_name_deletes_nothing(self, installed, monkeypatch):
        monkeypatch.setattr(options, "is_interactive", lambda: True)
        done = CliRunner().invoke(main, ["down", "--delete-data"], input="kube-system\n")

        assert done.exit_code == 1
        assert "data" in installed.names("PersistentVolumeClaim")
        assert "server" in installed.names("Deployment")
        right = CliRunner().invoke(main, ["down", "--delete-data"], input="kubeflow\n")
        assert right.exit_code == 0
        assert installed.names("PersistentVolumeClaim") == set()


def test_fields_are_applied_under_our_name(cluster):
    apply(cluster, objects())
    managers = {each["manager"] for each in cluster.objects["Service", "server"]["metadata"]["managedFields"]}
    assert managers == {FIELD_MANAGER}


def test_the_plan_of_a_laptop_names_what_would_be_started(tmp_path):
    data_dir = tmp_path / "data"
    done = CliRunner().invoke(main, ["plan", "--local", "--data-dir", str(data_dir), "--detailed-exitcode"])

    assert done.exit_code == 2
    assert "+ start MLMD gRPC server" in done.stdout
    assert done.stdout.splitlines()[-1] == "Plan: 4 to do, 0 running."
    assert not data_dir.exists()
