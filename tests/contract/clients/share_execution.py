"""Share one execution with processes or threads that each log models to it; see whose ids they get.

Usage: share_execution.py MODULE URL WORKSPACE HOW. Prints JSON: by name of the model the id that its logger got, and
the id that it has in the backend.
"""

import asyncio
import copy
import importlib
import json
import multiprocessing
import os
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

WORKERS, MODELS = 4, 5


def log(execution, worker):
    """Log some models, and return their ids by name."""
    metadata = importlib.import_module(type(execution).__module__)
    ids = {}
    for number in range(MODELS):
        name = f"model {number} of {worker}"
        ids[name] = execution.log_output(metadata.Model(name=name, uri="gs://m")).id
    return ids


def log_in_worker(arguments):
    return log(*arguments)


def by_fork(execution):
    readers = []
    for worker in range(WORKERS):
        reader, writer = os.pipe()
        if os.fork() == 0:
            code = 1
            try:
                os.write(writer, json.dumps(log(execution, worker)).encode())
                code = 0
            finally:
                os._exit(code)
        os.close(writer)
        readers.append(reader)
    # The parent goes on with its own connection meanwhile.
    answers = [log(execution, "the parent")]
    for reader in readers:
        with os.fdopen(reader) as answer:
            answers.append(json.loads(answer.read() or "{}"))
    return answers


def by_processes(method):
    def share(execution):
        with multiprocessing.get_context(method).Pool(WORKERS) as pool:
            return pool.map(log_in_worker, [(execution, worker) for worker in range(WORKERS)], chunksize=1)

    return share


def by_thread_pool(execution):
    with ThreadPool(WORKERS) as pool:
        return pool.map(log_in_worker, [(execution, worker) for worker in range(WORKERS)], chunksize=1)


def by_fork_from_threads(execution):
    with ThreadPoolExecutor(WORKERS) as pool:
        busy = [pool.submit(log, execution, f"thread {worker}") for worker in range(WORKERS)]
        return by_fork(execution) + [thread.result() for thread in busy]


def by_asyncio(execution):
    async def share():
        return await asyncio.gather(*(asyncio.to_thread(log, execution, worker) for worker in range(WORKERS)))

    return asyncio.run(share())


def by_copies(execution):
    copies = [copy.deepcopy(execution), copy.copy(execution)]
    copies += [pickle.loads(pickle.dumps(execution, protocol)) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)]
    return [log(copied, f"copy {number}") for number, copied in enumerate(copies)]


HOW = {
    "fork": by_fork,
    "fork-from-threads": by_fork_from_threads,
    "fork-pool": by_processes("fork"),
    "spawn-pool": by_processes("spawn"),
    "forkserver-pool": by_processes("forkserver"),
    "thread-pool": by_thread_pool,
    "asyncio": by_asyncio,
    "copies": by_copies,
}


def main():
    metadata = importlib.import_module(sys.argv[1])
    workspace = metadata.Workspace(sys.argv[2], name=sys.argv[3])
    execution = metadata.Execution("train", workspace=workspace, run=metadata.Run(workspace, "run"))
    answered = {}
    for ids in HOW[sys.argv[4]](execution):
        answered.update(ids)
    json.dump(
        {
            "answered": answered,
            "stored": {fields["name"]: fields["id"] for fields in workspace.list()},
            "outputs": sorted(event.artifact_id for event in workspace.client.list_events(execution.id).events),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
