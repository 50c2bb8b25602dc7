"""One client process: sends the same bytes over and over, for some seconds a turn; prints how many calls succeeded."""

from __future__ import annotations

import base64
import json
import sys
import time

import grpc


def main() -> None:
    target, method, request, seconds = sys.argv[1:5]
    body = base64.b64decode(request)
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(target, options) as channel:
        call = channel.unary_unary(f"/ml_metadata.MetadataStoreService/{method}")
        call(body, timeout=60)  # connects, and fails here if the call is wrong
        print("ready", flush=True)
        for _ in sys.stdin:  # a line a turn
            print(json.dumps(turn(call, body, float(seconds))), flush=True)


def turn(call, body, seconds):
    done = failed = 0
    started = time.perf_counter()
    while time.perf_counter() - started < seconds:
        try:
            call(body, timeout=60)
            done += 1
        except grpc.RpcError:
            failed += 1
    return {"done": done, "failed": failed, "seconds": time.perf_counter() - started}


if __name__ == "__main__":
    main()
