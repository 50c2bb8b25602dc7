"""The limit of memory is found wherever the system writes it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from kubeflow_metadata.serving import memory


def system(root: Path, cgroup: str, **limits: str) -> Path:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(cgroup)
    for path, limit in limits.items():
        file = root / "sys/fs/cgroup" / path.replace("__", "/").replace("_dot_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{limit}\n")
    return root


def test_a_container_sees_its_own_cgroup_as_the_root(tmp_path):
    assert memory.limit_of_cgroup(system(tmp_path, "0::/\n", memory_dot_max="536870912")) == 512 * 2**20


def test_the_smallest_of_nested_limits_counts(tmp_path):
    limits = {"pods__memory_dot_max": "100", "pods__a__memory_dot_max": "max", "memory_dot_max": "4096"}
    assert memory.limit_of_cgroup(system(tmp_path, "0::/pods/a\n", **limits)) == 100


def test_a_cgroup_of_the_first_version(tmp_path):
    root = system(tmp_path, "5:cpu:/\n4:memory:/pod\n", memory__pod__memory_dot_limit_in_bytes="1048576")
    assert memory.limit_of_cgroup(root) == 2**20


@pytest.mark.parametrize("limit", ["max", "9223372036854771712", "garbage", ""])
def test_without_a_limit_there_is_none(tmp_path, limit):
    root = system(tmp_path, "4:memory:/\n0::/\n", memory_dot_max=limit, memory__memory_dot_limit_in_bytes=limit)
    assert memory.limit_of_cgroup(root) is None


def test_a_system_without_cgroups_has_no_limit(tmp_path):
    assert memory.limit_of_cgroup(tmp_path) is None


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is missing")
def test_what_this_process_uses_is_seen():
    before = memory.resident_bytes()
    block = bytearray(64 * 2**20)
    assert memory.resident_bytes() - before > 32 * 2**20
    assert memory.proportional_bytes(os.getpid()) > len(block)
