"""The images that tests run: ours, built from this checkout, and one with an unmodified public client."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from kubeflow_metadata.installer import catalog
from kubeflow_metadata.installer.cli.images import command as images
from tests.support.cluster import container_images, stand_ins, tools, versions
from tests.support.cluster.engine import Engine
from tests.support.cluster.kind import Cluster
from tests.support.public_clients import PUBLIC_SDKS

# The image under another tag than the one that manifests name.
TAG = "e2e"
REFERENCE = catalog.server_reference(TAG)
CLIENT = "docker.io/library/kubeflow-metadata-e2e-client:e2e"


def installer_images(cluster: Cluster, *arguments: str) -> dict[str, Any]:
    """Runs `python -m installer images` for the cluster; its answer."""
    assert cluster.engine is not None
    environment = {**cluster.engine.kind_environment, **cluster.environment}
    words = [*arguments, f"--tag={TAG}", f"--engine={cluster.engine.command}", "--output=json"]
    done = CliRunner(env=environment).invoke(images, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def load_server(cluster: Cluster) -> None:
    """Builds our image and gives it to the nodes, under its own tag and the one that manifests name."""
    assert cluster.engine is not None
    base, made_here = _python(cluster.engine)
    options = [f"--base-image={base}", "--network=host"] if made_here else []
    installer_images(cluster, "build", *options)
    installer_images(cluster, "load", f"--cluster={cluster.name}", f"--kind={tools.KIND.path}")
    cluster.engine.run("tag", REFERENCE, catalog.server_reference())
    cluster.load(catalog.server_reference())


def load_client(cluster: Cluster) -> None:
    """Builds an image with the unmodified kfmd 0.1.8 and gives it to the nodes."""
    assert cluster.engine is not None
    base, made_here = _python(cluster.engine)
    pins, _ = PUBLIC_SDKS["kfmd-0.1.8"]
    with tempfile.TemporaryDirectory() as folder:
        dockerfile = Path(folder) / "Dockerfile"
        dockerfile.write_text(f"FROM {base}\nRUN pip install --no-cache-dir --no-deps --quiet {' '.join(pins)}\n")
        network = ["--network=host"] if made_here else []
        cluster.engine.run("build", *network, f"--tag={CLIENT}", folder, timeout=600)
    cluster.load(CLIENT)


def _python(engine: Engine) -> tuple[str, bool]:
    """A Python image to build upon, and whether it was made here."""
    if container_images.choose(engine).archives:
        return stand_ins.python_base(engine), True
    return versions.PYTHON_IMAGE, False
