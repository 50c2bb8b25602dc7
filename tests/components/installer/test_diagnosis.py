"""The diagnosis: every cause is told from its symptoms, alone and beside another one, and only while it is so."""

from __future__ import annotations

import dataclasses
import itertools
import json
import random

import pytest

from kubeflow_metadata.installer.cluster.diagnosis import causes, diagnose, reading, text
from kubeflow_metadata.installer.cluster.diagnosis.snapshot import Snapshot
from kubeflow_metadata.installer.cluster.port import UnreachableError
from tests.support import diagnoses
from tests.support.e2e.faults import FAULTS as PROVOKED
from tests.support.fake_cluster import FakeClock, FakeCluster, container, pod, workload

PART = "metadata.kubeflow.org/part"
# The root cause of each recording.
CODES = {
    "account_missing": "KFM0243",
    "claim_lost": "KFM0237",
    "claim_missing": "KFM0236",
    "claim_pending": "KFM0233",
    "claim_terminating": "KFM0235",
    "class_missing": "KFM0231",
    "config_map_incomplete": "KFM0247",
    "config_map_missing": "KFM0246",
    "container_config": "KFM0208",
    "cordoned": "KFM0219",
    "crash": "KFM0211",
    "database_secret_missing": "KFM0261",
    "evicted": "KFM0251",
    "evicted_before": "KFM0253",
    "image_denied": "KFM0222",
    "image_name": "KFM0225",
    "image_never": "KFM0207",
    "image_not_found": "KFM0220",
    "limit_range": "KFM0239",
    "mount": "KFM0209",
    "no_class": "KFM0230",
    "no_cpu": "KFM0214",
    "no_matching_node": "KFM0217",
    "no_memory": "KFM0215",
    "node_gone": "KFM0249",
    "node_pressure": "KFM0250",
    "nodes_full": "KFM0218",
    "not_provisioned": "KFM0232",
    "oom": "KFM0226",
    "oom_before": "KFM0227",
    "oom_setup": "KFM0226",
    "pod_security": "KFM0240",
    "pods_rejected": "KFM0212",
    "probe": "KFM0228",
    "pull_secret_missing": "KFM0223",
    "pulling": "KFM0224",
    "quota": "KFM0238",
    "quota_needs_amounts": "KFM0257",
    "registry_away": "KFM0221",
    "secret_incomplete": "KFM0245",
    "secret_lost": "KFM0248",
    "secret_lost_with_data": "KFM0248",
    "secret_missing": "KFM0244",
    "setup_interrupted": "KFM0258",
    "stopped": "KFM0210",
    "stuck_termination": "KFM0252",
    "tainted": "KFM0216",
    "unready_probe": "KFM0229",
    "unseen": "KFM0255",
    "volume_elsewhere": "KFM0234",
    "webhook_away": "KFM0242",
    "webhook_denies": "KFM0241",
}
# Those of a real cluster: their names are those of the faults that were provoked there.
OF_KIND = [name for name in diagnoses.names() if name.startswith("kind/")]
# Those that another part than MySQL has, so that they can be beside one of MySQL.
FAULTS = sorted(set(CODES) - {"unseen", "evicted_before", "oom_before"})

# A Secret that is missing is told by another code where MySQL has not started, as another cause may bring about.
SAME = {"KFM0248": ["KFM0261"]}


def codes(snapshot):
    return [each.code for each in diagnose.of(snapshot).findings]


class TestCauses:
    @pytest.mark.parametrize("name", sorted(CODES))
    def test_the_root_stands_alone(self, name):
        assert codes(diagnoses.load(name)) == [CODES[name]]

    @pytest.mark.parametrize("name", OF_KIND)
    def test_on_a_real_cluster_too(self, name):
        wanted = [PROVOKED[each].code for each in name.removeprefix("kind/").split("-")]

        assert sorted(codes(diagnoses.load(name))) == sorted(wanted)

    def test_nothing_is_wrong_where_all_is_well(self):
        assert codes(diagnoses.load("healthy")) == []

    def test_every_recording_is_tested(self):
        assert diagnoses.names() == sorted([*CODES, *OF_KIND, "healthy"])
        assert len(OF_KIND) > 30

    @pytest.mark.parametrize("suffix", ["txt", "json"])
    @pytest.mark.parametrize("name", diagnoses.names())
    def test_it_is_told_as_expected(self, name, suffix):
        assert diagnoses.shown(diagnoses.load(name))[suffix] == diagnoses.golden(name, suffix).read_text()

    @pytest.mark.parametrize("name", diagnoses.names())
    def test_only_commands_are_wider_than_a_terminal(self, name):
        for line in diagnoses.shown(diagnoses.load(name))["txt"].splitlines():
            is_command = line.startswith("    ") and line.split()[0] in {"kubectl", "kubeflow-metadata"}
            assert len(line) <= 80 or is_command or " " not in line.strip(), line

    @pytest.mark.parametrize("name", sorted({*CODES, *OF_KIND} - {"unseen"}))
    def test_commands_name_context_and_namespace(self, name):
        for finding in diagnose.of(diagnoses.load(name)).findings:
            for command in finding.hint.split("run: ")[1:]:
                words = command.split(". ")[0].split()
                of_nodes = any(each in {"node", "nodes", "uncordon", "taint"} for each in words)
                assert "--context" in words or "images" in words, command
                assert "-n" in words or "images" in words or of_nodes, command

    def test_every_cause_has_a_code_of_its_own(self):
        listed = [each.code for each in causes.all_causes()]
        assert len(listed) == len(set(listed))
        assert len(listed) > 40

    def test_every_cause_that_has_no_other_is_recorded(self):
        roots = {each.code for each in causes.all_causes() if each.rank is causes.Rank.ROOT}
        rest = {causes.UNSCHEDULABLE.code, causes.IMAGE_PULL.code, causes.CLUSTER_AWAY.code}
        assert roots - set(CODES.values()) == rest


def merged(one, other):
    """Two recordings in one: of each part, and of each object, the one that is in trouble."""
    broken = {_part(each) for each in one.workloads if not _workload_is_well(each)}
    broken |= {_part(each) for each in one.pods if not _is_ready(each)}

    def of_parts(of_one, of_other):
        return (*(each for each in of_one if _part(each) in broken), *(e for e in of_other if _part(e) not in broken))

    return dataclasses.replace(
        one,
        workloads=of_parts(one.workloads, other.workloads),
        replica_sets=of_parts(one.replica_sets, other.replica_sets),
        pods=of_parts(one.pods, other.pods),
        events=(*_events(one, broken), *_events(other, {"db", "grpc", "rest", "ui"} - broken)),
        claims=_claims(one.claims, other.claims),
        volumes=_either(one.volumes, other.volumes),
        storage_classes=_either(one.storage_classes, other.storage_classes),
        secrets=_secrets(one.secrets, other.secrets) if "db" in broken else _secrets(other.secrets, one.secrets),
        config_maps=_fewer(one.config_maps, other.config_maps),
        nodes=_nodes(one.nodes, other.nodes),
        others=(*(one.others or ()), *(other.others or ())),
        quotas=_either(one.quotas, other.quotas),
        limit_ranges=_either(one.limit_ranges, other.limit_ranges),
        namespace_labels={**(one.namespace_labels or {}), **(other.namespace_labels or {})},
        logs={**other.logs, **one.logs},
    )


def _part(each):
    return each["metadata"]["labels"][PART]


def _either(one, other, is_well=lambda _each: False):
    """Objects by name: those of the first, unless only the second is in trouble."""
    if one is None or other is None:
        return one if other is None else other
    listed = {each["metadata"]["name"]: each for each in (*other, *one)}
    for each in other:
        if is_well(listed[each["metadata"]["name"]]):
            listed[each["metadata"]["name"]] = each
    return tuple(listed.values())


def _events(snapshot, parts):
    """Events about objects of parts, and about what belongs to none."""
    of_parts = (*snapshot.workloads, *snapshot.replica_sets, *snapshot.pods)
    left_out = {each["metadata"]["name"] for each in of_parts if _part(each) not in parts}
    return [each for each in snapshot.events if each["involvedObject"]["name"] not in left_out]


def _claims(one, other):
    """Claims that neither lacks."""
    both = _either(
        one, other, lambda each: each["status"].get("phase") == "Bound" and "deletionTimestamp" not in each["metadata"]
    )
    names = [{each["metadata"]["name"] for each in claims} for claims in (one, other) if claims is not None]
    return both and tuple(each for each in both if all(each["metadata"]["name"] in known for known in names))


def _secrets(database, other):
    """Keys by name, the fewer of two; whether MySQL has filled its own is as its pod is."""
    filled = {name: keys for name, keys in database.items() if keys is not None and other.get(name, ()) is not None}
    return {**_fewer(database, other), **filled}


def _nodes(one, other):
    """Nodes with the troubles of both."""
    both = []
    for each in one or ():
        match = next((node for node in other or () if node["metadata"]["name"] == each["metadata"]["name"]), each)
        conditions = {condition["type"]: condition for condition in each["status"]["conditions"]}
        for condition in match["status"]["conditions"]:
            if (condition["type"] == "Ready") != (condition["status"] == "True"):
                conditions[condition["type"]] = condition
        status = {**each["status"], "conditions": list(conditions.values())}
        both.append({**each, "spec": {**match["spec"], **each["spec"]}, "status": status})
    return tuple(both)


def _workload_is_well(each):
    return each["status"]["readyReplicas"] == 1 and each["status"]["replicas"] == 1


def _is_ready(each):
    return any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in each["status"].get("conditions", [])
    )


def _fewer(one, other):
    """Keys by name, the fewer of two."""
    found = {}
    for name in {*one, *other}:
        both = [keys[name] for keys in (one, other) if name in keys]
        found[name] = None if None in both else min(both, key=len)
    return found


class TestPairs:
    @pytest.mark.parametrize(("one", "other"), list(itertools.combinations(FAULTS, 2)))
    def test_of_two_causes_none_is_told_wrongly(self, one, other):
        found = set(codes(merged(diagnoses.load(one), diagnoses.load(other))))

        assert found & {CODES[one], CODES[other]}
        assert found <= {CODES[one], CODES[other], *SAME.get(CODES[one], ()), *SAME.get(CODES[other], ())}


def changed(name, **changes):
    return dataclasses.replace(diagnoses.load(name), **changes)


def heal_nothing(snapshot):
    return snapshot


STANDARD = {"metadata": {"name": "fast"}, "provisioner": "x", "volumeBindingMode": "WaitForFirstConsumer"}
DEFAULT = {"metadata": {"name": "s", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}}
ROOMY = {"metadata": {"name": "team"}, "status": {"hard": {"requests.cpu": "9", "limits.memory": "9Gi"}, "used": {}}}
FILLED = {"metadata-db-secrets": ("MYSQL_PASSWORD", "MYSQL_ROOT_PASSWORD", "MYSQL_USERNAME")}
# What makes a cause go away, while events, conditions and the waiting pods are still the same.
REMEDIES = {
    "secret_missing": {"secrets": {"my-database": ("MYSQL_PASSWORD", "MYSQL_USERNAME")}},
    "secret_incomplete": {"secrets": {"my-database": ("MYSQL_PASSWORD", "MYSQL_USERNAME")}},
    "secret_lost": {"secrets": FILLED},
    "secret_lost_with_data": {"secrets": FILLED},
    "database_secret_missing": {"secrets": FILLED},
    "config_map_missing": {"config_maps": {"schemas": ("a.json",), "metadata-db-setup": ("finished.sh",)}},
    "config_map_incomplete": {"config_maps": {"schemas": ("model.json",), "metadata-db-setup": ("finished.sh",)}},
    "class_missing": {"storage_classes": (STANDARD,)},
    "no_class": {"storage_classes": (DEFAULT,)},
    "quota": {"quotas": (ROOMY,)},
    "quota_needs_amounts": {"quotas": ()},
    "limit_range": {"limit_ranges": ()},
    "pod_security": {"namespace_labels": {"pod-security.kubernetes.io/enforce": "privileged"}},
}


class TestOnlyWhatIsTrueNow:
    @pytest.mark.parametrize("name", sorted(REMEDIES))
    def test_a_cause_that_is_gone_is_gone_at_once(self, name):
        found = diagnose.of(changed(name, **REMEDIES[name])).findings

        assert CODES[name] not in [each.code for each in found]
        assert all(each.patience == float("inf") for each in found)

    def test_events_about_what_runs_by_now_are_history(self):
        well = diagnoses.load("healthy")
        for name in FAULTS:
            events = diagnoses.load(name).events
            assert codes(dataclasses.replace(well, events=events)) == [], name

    def test_a_pod_that_was_scheduled_before_its_claim_was_deleted_waits_for_the_claim(self):
        snapshot = diagnoses.load("claim_terminating")
        (database,) = (each for each in snapshot.pods if each["metadata"]["name"] == "metadata-db-0")
        database["spec"]["nodeName"] = "node-1"
        database["status"] = {
            "phase": "Pending",
            "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "False"}],
            "containerStatuses": [
                {"name": "mysql", "image": "mysql:9.7", "ready": False, "restartCount": 0, "lastState": {}}
                | {"state": {"waiting": {"reason": "ContainerCreating"}}}
            ],
        }
        about = {"kind": "Pod", "name": "metadata-db-0", "uid": database["metadata"]["uid"]}
        said = "failed to process volumes=[data]: error processing PVC kubeflow/metadata-mysql: PVC is being deleted"
        event = {"type": "Warning", "reason": "FailedMount", "message": said, "involvedObject": about, "count": 3}
        times = dict.fromkeys(("firstTimestamp", "lastTimestamp"), "2026-12-01T03:59:57Z")

        assert codes(dataclasses.replace(snapshot, events=({**event, **times},))) == [causes.CLAIM_TERMINATING.code]

    def test_a_kill_is_for_memory_unless_the_kubelet_ordered_it(self):
        snapshot = diagnoses.load("oom_before")
        (killed,) = (each for each in snapshot.pods if "grpc" in each["metadata"]["name"])
        status = killed["status"]["containerStatuses"][0]
        status["lastState"]["terminated"]["reason"] = "Error"
        about = {"kind": "Pod", "name": killed["metadata"]["name"]}
        ordered = {"reason": "Killing", "message": "Container grpc failed liveness probe", "involvedObject": about}

        (found,) = diagnose.of(snapshot).findings
        assert found.code == causes.OUT_OF_MEMORY_BEFORE.code
        assert "most likely" in found.sentence
        assert codes(dataclasses.replace(snapshot, events=(ordered,))) == []

    def test_a_pull_that_failed_and_then_worked_is_history(self):
        snapshot = diagnoses.load("pulling")
        about = snapshot.events[0]["involvedObject"]
        done = {"reason": "Pulled", "message": snapshot.events[0]["message"], "involvedObject": about}
        later = {**done, "lastTimestamp": "2026-12-01T03:59:59Z"}

        assert causes.PULLING.code not in codes(dataclasses.replace(snapshot, events=(*snapshot.events, later)))

    def test_what_an_earlier_pod_of_the_same_name_waited_for_is_history(self):
        snapshot = diagnoses.load("mount")
        events = tuple(
            {**each, "involvedObject": {**each["involvedObject"], "uid": "of another one"}} for each in snapshot.events
        )

        assert causes.MOUNT.code not in codes(dataclasses.replace(snapshot, events=events))

    def test_the_small_size_is_advised_only_if_it_would_fit(self):
        (fits,) = diagnose.of(diagnoses.load("no_memory")).findings
        large = {"resources": {"requests": {"memory": "2Gi"}}}
        full = {"metadata": {"name": "x"}, "spec": {"nodeName": "node-1", "containers": [large]}}
        (no_room,) = diagnose.of(changed("no_memory", others=(full,))).findings

        assert "small.enabled=true" in fits.hint
        assert "small.enabled=true" not in no_room.hint
        assert "grpc.resources.requests.memory" in no_room.hint


class TestReading:
    def test_a_recording_is_read_as_it_was_written(self):
        for name in diagnoses.names():
            snapshot = diagnoses.load(name)
            assert Snapshot.from_json(snapshot.as_json()) == snapshot

    def test_values_of_secrets_are_never_kept(self):
        cluster = FakeCluster()
        server = workload("metadata-ui", "ui")
        volume = {"name": "s", "secret": {"secretName": "mine"}}
        server["spec"]["template"] = {
            "spec": {"containers": [{"name": "ui", "volumeMounts": [volume]}], "volumes": [volume]}
        }
        cluster.add(server)
        cluster.add({"kind": "Secret", "metadata": {"name": "mine"}, "data": {"password": "c2VjcmV0", "empty": ""}})
        snapshot = reading.read(cluster, FakeClock())

        assert snapshot.secrets == {"mine": ("password",)}
        assert "c2VjcmV0" not in snapshot.as_json()

    @pytest.mark.parametrize("kind", ["Event", "Node", "Secret", "ReplicaSet"])
    def test_what_may_not_be_read_is_said_and_the_rest_is_shown(self, kind):
        cluster = FakeCluster()
        server = workload("metadata-ui", "ui")
        mounting = {"name": "ui", "envFrom": [{"secretRef": {"name": "mine"}}]}
        server["spec"]["template"] = {"spec": {"containers": [mounting]}}
        cluster.add(server)
        waiting = {"reason": "ErrImageNeverPull"}
        cluster.pods["p"] = pod("p", "ui", containerStatuses=[container("ui", waiting=waiting)])
        cluster.pods["p"]["spec"]["containers"][0]["image"] = "registry/none:1"
        cluster.add({"kind": "Secret", "metadata": {"name": "mine"}, "data": {"password": "c2VjcmV0"}})
        cluster.forbidden = {("list", kind), ("get", kind)}
        found = diagnose.diagnose(cluster, FakeClock())

        assert causes.IMAGE_NEVER.code in [each.code for each in found.findings]
        assert any(kind in each for each in found.unread)

    def test_without_any_right_it_says_so(self):
        cluster = FakeCluster()
        cluster.forbidden = {("list", kind) for kind in ("Pod", "StatefulSet", "Deployment")}
        (found,) = diagnose.diagnose(cluster, FakeClock()).findings

        assert found.code == causes.UNSEEN.code
        assert not found.is_final

    def test_a_cluster_that_is_away_is_a_cause_of_its_own(self, monkeypatch):
        def away(*_what, **_how):
            raise UnreachableError("The cluster does not respond.", details="connection refused")

        cluster = FakeCluster()
        monkeypatch.setattr(cluster, "list", away)
        (found,) = diagnose.diagnose(cluster, FakeClock()).findings

        assert found.code == causes.CLUSTER_AWAY.code
        assert "connection refused" in found.sentence

    def test_what_runs_takes_few_calls(self, monkeypatch):
        cluster = FakeCluster()
        cluster.add(workload("metadata-ui", "ui", ready=1))
        asked = []
        listing = cluster.list

        def listed(api_version, kind, *arguments, **named):
            asked.append(kind)
            return listing(api_version, kind, *arguments, **named)

        monkeypatch.setattr(cluster, "list", listed)
        reading.read(cluster, FakeClock())

        assert sorted(asked) == ["Deployment", "Pod", "ReplicaSet", "StatefulSet"]


class TestText:
    def test_the_document_is_json_even_where_patience_is_endless(self):
        for name in diagnoses.names():
            json.dumps(text.as_document(diagnose.of(diagnoses.load(name))), allow_nan=False)

    def test_pods_that_share_a_cause_are_told_of_together(self):
        snapshot = diagnoses.load("no_cpu")
        (pending,) = (each for each in snapshot.pods if "grpc" in each["metadata"]["name"])
        more = [{**pending, "metadata": {**pending["metadata"], "name": f"more-{place}"}} for place in range(2)]
        of_ui = {**pending, "metadata": {**pending["metadata"], "name": "of-ui"}}
        (ui,) = (each["metadata"]["labels"] for each in snapshot.pods if "-ui-" in each["metadata"]["name"])
        of_ui["metadata"]["labels"] = ui
        found = diagnose.of(dataclasses.replace(snapshot, pods=(*snapshot.pods, *more, of_ui))).findings

        assert [each.code for each in found] == [causes.NO_CPU.code]
        shown = text.as_text(diagnose.of(dataclasses.replace(snapshot, pods=(*snapshot.pods, *more, of_ui))))
        assert all(name in shown.partition("also")[2] for name in ("more-1", "of-ui"))

    def test_order_of_reading_does_not_matter(self):
        for name in diagnoses.names():
            snapshot = diagnoses.load(name)
            pods = list(snapshot.pods)
            random.Random(1).shuffle(pods)
            shuffled = dataclasses.replace(snapshot, pods=tuple(pods), workloads=snapshot.workloads[::-1])
            assert codes(shuffled) == codes(snapshot)
