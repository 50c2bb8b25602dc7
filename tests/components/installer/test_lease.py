"""The Lease: one command at a time changes an installation, and one that was killed blocks nobody for long."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from kubeflow_metadata.installer.cluster.port import ForbiddenError, UnreachableError
from kubeflow_metadata.installer.cluster.state import lease as leases
from kubeflow_metadata.installer.cluster.state.lease import NAME, LeaseHeldError, held, holder
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK
from tests.support.fake_cluster import FakeClock, FakeCluster

LEASE = ("Lease", NAME)


class Renewing(FakeClock):
    """A clock on which something happens at each pause."""

    def __init__(self, happens):
        super().__init__()
        self.happens = happens

    def sleep(self, seconds):
        super().sleep(seconds)
        self.happens()


@pytest.fixture
def cluster():
    return FakeCluster("team-a")


def others(cluster, identity="eve@far/7/up", **spec):
    """Somebody else takes the Lease, or renews it."""
    present = cluster.get("v1", *LEASE)
    made: dict[str, Any] = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": NAME, "namespace": cluster.namespace},
        "spec": {"holderIdentity": identity, "leaseDurationSeconds": 30, "acquireTime": "2026-01-02T03:04:05.000000Z"},
    }
    if present is None:
        cluster.create(made)
    else:
        cluster.replace({**made, "metadata": present["metadata"], "spec": {**made["spec"], **spec}})


def test_the_holder_is_recorded_while_it_works_and_gone_afterwards(cluster):
    with held(cluster, "up", FakeClock()) as lease:
        spec = cluster.get("v1", *LEASE)["spec"]
        assert spec["holderIdentity"].endswith("/up")
        assert "@" in spec["holderIdentity"]
        assert spec["leaseDurationSeconds"] == 30
        lease.check()
    assert cluster.get("v1", *LEASE) is None


def test_whoever_only_reads_learns_who_holds_it(cluster):
    assert holder(cluster) == ""
    with held(cluster, "up", FakeClock()):
        assert "/up, since " in holder(cluster)
    assert holder(cluster) == ""
    cluster.forbidden.add(("get", "Lease"))
    assert holder(cluster) == ""


def test_it_is_released_where_the_command_fails_or_is_interrupted(cluster):
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), held(cluster, "up", FakeClock()):
            raise error
        assert cluster.get("v1", *LEASE) is None


def test_whoever_finds_it_taken_is_told_by_whom_and_since_when(cluster):
    others(cluster)
    count = iter(range(100))
    clock: Renewing = Renewing(lambda: others(cluster, renewTime=f"{next(count)}") if clock.slept >= 10 else None)
    said = []

    with pytest.raises(LeaseHeldError) as caught, held(cluster, "down", clock, said.append):
        pytest.fail("it is held")
    assert "eve@far/7/up, since 2026-01-02 03:04:05 UTC" in str(caught.value)
    assert "team-a" in str(caught.value)
    assert caught.value.exit_code == 4
    assert "eve@far/7/up" in said[0]
    assert 10 <= clock.slept < 30


def test_a_holder_that_is_gone_is_waited_for_no_longer_than_it_promised(cluster):
    others(cluster)
    clock = FakeClock()
    with held(cluster, "up", clock, lambda _: None) as lease:
        assert 30 <= clock.slept < 32
        lease.check()
        assert cluster.get("v1", *LEASE)["spec"]["holderIdentity"].endswith("/up")
        assert cluster.get("v1", *LEASE)["spec"]["leaseTransitions"] == 1


def test_the_clocks_of_two_machines_are_not_compared(cluster):
    others(cluster)
    others(cluster, renewTime="2099-01-01T00:00:00.000000Z")
    clock = FakeClock()
    with held(cluster, "up", clock, lambda _: None):
        assert 30 <= clock.slept < 32


def test_a_released_lease_is_taken_at_once(cluster):
    others(cluster)
    others(cluster, identity=None)
    clock = FakeClock()
    with held(cluster, "up", clock):
        assert clock.slept == 0


def test_one_that_is_released_while_it_is_watched_is_taken(cluster):
    others(cluster)
    clock: Renewing = Renewing(lambda: cluster.delete("v1", *LEASE) if clock.slept >= 5 else None)
    with held(cluster, "up", clock, lambda _: None) as lease:
        assert clock.slept < 10
        lease.check()


def test_who_lost_it_stops_and_leaves_it_to_the_other(cluster):
    clock = FakeClock()
    with held(cluster, "up", clock) as lease:
        others(cluster)
        clock.sleep(31)
        with pytest.raises(LeaseHeldError, match="eve@far/7/up") as caught:
            lease.check()
        assert caught.value.exit_code == 4
        with pytest.raises(LeaseHeldError):
            lease.check()
    assert cluster.get("v1", *LEASE)["spec"]["holderIdentity"] == "eve@far/7/up"


def test_a_lease_that_somebody_deleted_is_lost(cluster):
    clock = FakeClock()
    with held(cluster, "up", clock) as lease:
        cluster.delete("v1", *LEASE)
        clock.sleep(31)
        with pytest.raises(LeaseHeldError, match="somebody deleted it"):
            lease.check()


def test_a_machine_that_slept_goes_on_where_nobody_took_over(cluster):
    clock = FakeClock()
    with held(cluster, "up", clock) as lease:
        clock.sleep(3600)
        lease.check()
        assert cluster.get("v1", *LEASE)["spec"]["holderIdentity"].endswith("/up")


def test_a_renewal_whose_response_was_lost_is_still_ours(cluster):
    clock = FakeClock()
    with held(cluster, "up", clock) as lease:
        present = cluster.get("v1", *LEASE)
        cluster.replace(present)  # as our own request would have done
        clock.sleep(31)
        lease.check()
        clock.sleep(31)
        lease.check()


def lost_response(call, error):
    """The same call, whose response never arrives."""

    def lose(*arguments):
        call(*arguments)
        raise error

    return lose


def test_a_lease_whose_response_was_lost_is_held(cluster):
    create = cluster.create
    cluster.create = lost_response(create, UnreachableError("The cluster does not respond."))
    with held(cluster, "up", FakeClock()) as lease:
        lease.check()
    assert cluster.get("v1", *LEASE) is None


def test_ctrl_c_while_it_is_taken_leaves_no_lease(cluster):
    cluster.create = lost_response(cluster.create, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt), held(cluster, "up", FakeClock()):
        pytest.fail("it was interrupted before")
    assert cluster.get("v1", *LEASE) is None


def test_ctrl_c_while_another_one_holds_it_leaves_that_one_alone(cluster):
    others(cluster)

    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), held(cluster, "up", Renewing(interrupt), lambda _: None):
        pytest.fail("it is held")
    assert cluster.get("v1", *LEASE)["spec"]["holderIdentity"] == "eve@far/7/up"


def test_an_api_server_that_is_away_is_not_taken_for_a_loss(cluster):
    clock = FakeClock()
    with held(cluster, "up", clock) as lease:
        replace = cluster.replace

        def away(_):
            raise UnreachableError("The cluster does not respond.")

        cluster.replace = away
        clock.sleep(31)
        with pytest.raises(UnreachableError):
            lease.check()
        cluster.replace = replace
        lease.check()


def test_a_role_without_leases_is_refused_with_the_rule_to_ask_for(cluster):
    def refuse(*_):
        raise ForbiddenError("Permission denied: cannot get Lease metadata-installer.", details="RBAC")

    cluster.get = refuse
    with pytest.raises(ForbiddenError, match="team-a") as caught, held(cluster, "up", FakeClock()):
        pytest.fail("it may not be held")
    assert "resources: [leases]" in caught.value.details
    assert "verbs: [get, create, update, delete]" in caught.value.details


def test_where_it_may_not_be_deleted_nobody_holds_it_afterwards(cluster):
    def refuse(*_, **__):
        raise ForbiddenError("Permission denied: cannot delete Lease metadata-installer.")

    with held(cluster, "up", FakeClock()):
        cluster.delete = refuse
    assert not cluster.get("v1", *LEASE)["spec"].get("holderIdentity")


def test_it_is_renewed_while_the_command_works(cluster, monkeypatch):
    monkeypatch.setattr(leases, "_RENEWED_EVERY", 0.01)
    replaced = threading.Event()
    replace = cluster.replace

    def noticed(wanted):
        made = replace(wanted)
        replaced.set()
        return made

    cluster.replace = noticed
    with held(cluster, "up", FakeClock()) as lease:
        assert replaced.wait(30)
        lease.check()
    assert cluster.get("v1", *LEASE) is None


@pytest.mark.parametrize("is_abandoned", [False, True])
def test_of_many_that_want_it_at_once_one_has_it(cluster, is_abandoned):
    """Each asks in its own thread; none may work while another one does."""
    if is_abandoned:
        others(cluster)
        others(cluster, leaseDurationSeconds=1)
    guard, start = threading.Lock(), threading.Barrier(8)
    cluster_lock = threading.Lock()
    for name in ("create", "replace", "delete"):
        call = getattr(cluster, name)

        def alone(*arguments, call=call, **options):
            with cluster_lock:  # as etcd
                return call(*arguments, **options)

        setattr(cluster, name, alone)
    outcomes = []

    def work():
        start.wait()
        try:
            with held(cluster, "up", SYSTEM_CLOCK, lambda _: None) as lease:
                assert guard.acquire(blocking=False), "two at once"
                lease.check()
                time.sleep(0)
                guard.release()
                outcomes.append("worked")
        except LeaseHeldError:
            outcomes.append("refused")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 8
    assert "worked" in outcomes
