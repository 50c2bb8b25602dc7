"""How much memory a server may use: the limit of its cgroup, as Kubernetes sets it, and what its processes use now."""

from __future__ import annotations

import os
import re
from pathlib import Path

_MIB = 2**20
# cgroup v1 says "no limit" with the largest multiple of a page that it can hold.
_NO_LIMIT = 2**60

# As Kubernetes writes memory.
UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SIZE = re.compile(rf"([0-9]{{1,15}}(?:\.[0-9]{{1,6}})?)({'|'.join(UNITS)})?")


def size_of(text: str) -> int:
    """Returns the bytes that a text like ``512Mi`` or ``536870912`` means; 0 where it means none."""
    found = _SIZE.fullmatch(text.strip())
    return int(float(found[1]) * UNITS.get(found[2] or "", 1)) if found else 0


def limit_of_cgroup(root: Path = Path("/")) -> int | None:
    """Returns the memory that this process and its neighbours in the cgroup may use, in bytes; None without a limit.

    Of nested cgroups the smallest limit counts, as the kernel has it. ``root`` is where ``proc`` and ``sys`` are.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # not Linux
        return None
    limits = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            limits += _limits_on_the_way(root / "sys/fs/cgroup", path, "memory.max")
        elif "memory" in controllers.split(","):
            limits += _limits_on_the_way(root / "sys/fs/cgroup/memory", path, "memory.limit_in_bytes")
    return min(limits, default=None)


def _limits_on_the_way(mount: Path, path: str, name: str) -> list[int]:
    """Returns the limits of a cgroup and of those that it is in; a container may see its own as the root."""
    group = mount / path.lstrip("/")
    limits = []
    while group.is_relative_to(mount):
        try:
            text = (group / name).read_text().strip()
        except OSError:
            text = "max"
        if text.isdigit() and int(text) < _NO_LIMIT:
            limits.append(int(text))
        if group == mount:
            break
        group = group.parent
    return limits


def resident_bytes() -> int:
    """Returns what this process has in memory now; 0 if the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def proportional_bytes(pid: int) -> int:
    """Returns what a process adds to the memory of its cgroup: its own pages, and its part of the shared ones.

    Raises:
        OSError: there is no such process, or the system does not tell.
    """
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/{pid}/smaps_rollup has no Pss")


def in_words(size: int) -> str:
    """Returns a size as people write it."""
    return f"{size // _MIB} MiB" if size >= _MIB and size % _MIB == 0 else f"{size} bytes"
