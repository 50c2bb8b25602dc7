"""One client process: sends the same bytes again and again for some seconds; prints how many calls succeeded."""

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
        sys.stdin.readline()
        done = failed = 0
        started = time.perf_counter()
        while time.perf_counter() - started < float(seconds):
            try:
                call(body, timeout=60)
                done += 1
            except grpc.RpcError:
                failed += 1
        took = time.perf_counter() - started
    print(json.dumps({"done": done, "failed": failed, "seconds": took}), flush=True)


if __name__ == "__main__":
    main()
