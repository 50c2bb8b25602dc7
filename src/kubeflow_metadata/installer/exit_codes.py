"""What commands exit with."""

from __future__ import annotations

OK = 0
FAILED = 1
CHANGES = 2  # of ``plan --detailed-exitcode`` alone
INCONCLUSIVE = 3
LEASE_HELD = 4
USAGE = 64  # EX_USAGE of sysexits.h
INTERRUPTED = 130
