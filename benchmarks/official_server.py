"""The official library behind gRPC, run by a Python that has `ml-metadata`: what ours is compared with.

    official_server.py connect PORT DATABASE        a store, and so a connection, for each call: what the official
                                                    server does
    official_server.py PROCESSES PORT DATABASE      so many processes on the port, each with one open store

DATABASE is a `ConnectionConfig` in protobuf's text format.

No message is parsed here: bytes go through.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent import futures

import grpc
from google.protobuf import text_format
from ml_metadata.metadata_store.pywrap.metadata_store_extension import metadata_store as library
from ml_metadata.proto import metadata_store_pb2 as pb

STATUSES = {status.value[0]: status for status in grpc.StatusCode}


class Handler(grpc.GenericRpcHandler):
    def __init__(self, answer):
        self._answer = answer

    def service(self, details):
        method = details.method.rpartition("/")[2]
        return grpc.unary_unary_rpc_method_handler(lambda request, context: self._answer(method, request, context))


def connecting(settings):
    def answer(method, request, context):
        store = library.CreateMetadataStore(settings, b"")
        return finish(getattr(library, method)(store, request), context)

    return answer


def reusing(settings):
    store = library.CreateMetadataStore(settings, b"")
    lock = threading.Lock()

    def answer(method, request, context):
        with lock:
            outcome = getattr(library, method)(store, request)
        return finish(outcome, context)

    return answer


def finish(outcome, context):
    response, message, code = outcome
    if code:
        context.abort(STATUSES[code], message.decode(errors="replace"))
    return response


def serve(answer, port, threads):
    options = [("grpc.so_reuseport", 1), ("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(futures.ThreadPoolExecutor(threads), options=options)
    server.add_generic_rpc_handlers((Handler(answer),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    print("ready", flush=True)
    server.wait_for_termination()


def main():
    mode, port, database = sys.argv[1:]
    settings = text_format.Parse(database, pb.ConnectionConfig()).SerializeToString()
    library.CreateMetadataStore(settings, b"")  # makes the tables
    if mode == "connect":
        serve(connecting(settings), port, 32)
        return
    children = []
    for _ in range(int(mode)):
        child = os.fork()
        if not child:
            serve(reusing(settings), port, 2)
        children.append(child)

    def stop(*_):
        for child in children:
            os.kill(child, signal.SIGTERM)
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.pause()


if __name__ == "__main__":
    main()
