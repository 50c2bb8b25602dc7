"""Writes one artifact after the other until /tmp/stop is there, and goes on after failures. Usage: keep_writing.py URL

Prints the name of each artifact that was acknowledged, and of each call that failed what came back.
"""

from __future__ import annotations

import json
import pathlib
import sys
import time
import urllib.error
import urllib.request

url = sys.argv[1]
stop = pathlib.Path("/tmp/stop")
TYPE = "kubeflow.org%2Falpha%2Fmodel"


def write(name: str) -> None:
    artifact = {"properties": {"name": {"string_value": name}}, "uri": "file://" + name}
    request = urllib.request.Request(
        url + "/api/v1alpha1/artifact_types/" + TYPE + "/artifacts",
        data=json.dumps(artifact).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


number = 0
while not stop.exists():
    number += 1
    name = f"written-{number}"
    try:
        write(name)
        print("ok", name, flush=True)
    except (OSError, urllib.error.HTTPError) as error:
        print("failed", name, error, flush=True)
    time.sleep(0.1)
