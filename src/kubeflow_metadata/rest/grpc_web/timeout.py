"""How long a client wants to wait."""

from __future__ import annotations

import re

import grpc

from kubeflow_metadata.rest.errors import ApiError

# The protocol has at most 8 digits; the npm client writes more where its user's deadline is far away.
_FORM = re.compile("([0-9]{1,20})([HMSmun])")
_SECONDS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}


def seconds_of(header: str | None, longest: float) -> float:
    """Returns the seconds that a grpc-timeout header means, but never more than ``longest``."""
    if header is None:
        return longest
    match = _FORM.fullmatch(header)
    if match is None:
        raise ApiError(
            grpc.StatusCode.INVALID_ARGUMENT,
            "malformed grpc-timeout: it must be digits and a unit (H, M, S, m, u or n), such as 5S",
        )
    return min(int(match[1]) * _SECONDS[match[2]], longest)
