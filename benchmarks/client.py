"""One client process: sends the same bytes over and over, for some seconds a turn; prints how many calls succeeded."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import sys
import time

import grpc

# Connections of one client. The kernel deals connections out to a server's worker processes at random: with one for
# each client, six of eight may share a process, and a server would be measured slower than itself.
CONNECTIONS = 8

OPTIONS = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]


def main() -> None:
    target, method, request, seconds = sys.argv[1:5]
    body = base64.b64decode(request)
    with connected(target, method, body):  # fails here if the call is wrong
        print("ready", flush=True)
    for _ in sys.stdin:  # a line a turn
        # New ones in each turn, so that no server is dealt the same hand throughout.
        with connected(target, method, body) as stubs:
            print(json.dumps(turn(stubs, body, float(seconds))), flush=True)


@contextlib.contextmanager
def connected(target, method, body):
    """Yields the call, once for each connection; all are made."""
    with contextlib.ExitStack() as stack:
        channels = [stack.enter_context(grpc.insecure_channel(target, OPTIONS)) for _ in range(CONNECTIONS)]
        stubs = [channel.unary_unary(f"/ml_metadata.MetadataStoreService/{method}") for channel in channels]
        for stub in stubs:
            stub(body, timeout=60)
        yield stubs


def turn(stubs, body, seconds):
    done = failed = 0
    started = time.perf_counter()
    for stub in itertools.cycle(stubs):
        if time.perf_counter() - started >= seconds:
            break
        try:
            stub(body, timeout=60)
            done += 1
        except grpc.RpcError:
            failed += 1
    return {"done": done, "failed": failed, "seconds": time.perf_counter() - started}


if __name__ == "__main__":
    main()
