"""``images list``, ``build``, ``load`` and ``push``."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import catalog, program
from kubeflow_metadata.installer.cluster.connection import kubeconfig_files
from kubeflow_metadata.installer.images import base, digests, engines, kind_clusters
from kubeflow_metadata.installer.images.digests import PushedImage
from kubeflow_metadata.installer.images.engines import BuildOptions
from kubeflow_metadata.installer.terminal import Terminal, table

ROOT = Path(__file__).resolve().parents[4]
_DOCKERFILE = ROOT / "images" / "Dockerfile"
_REVISION = "org.opencontainers.image.revision"
_REGISTRY = re.compile(r"[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def show(terminal: Terminal, tag: str | None) -> None:
    """Lists the images, and whether this machine has them."""
    try:
        engine = engines.find()
    except UserError:
        engine = None
    images = [(image, engine.has(image.reference) if engine else None) for image in catalog.images(_checked_tag(tag))]
    document = [{"reference": image.reference, "purpose": image.purpose, "here": here} for image, here in images]
    words = {True: "yes", False: "no", None: "unknown"}
    rows = [(image.reference, words[here], image.purpose) for image, here in images]
    terminal.result({"images": document}, table(rows, ("IMAGE", "HERE", "PURPOSE")))


def build(
    terminal: Terminal, tag: str | None, base_image: str | None, engine_name: str | None, options: BuildOptions
) -> None:
    """Builds the UI and the image."""
    _require_checkout()
    reference = catalog.server_reference(_checked_tag(tag))
    _build(terminal, reference, engines.find(engine_name), base_image, options)
    terminal.result({"image": reference}, f"Built {reference}")


def _build(
    terminal: Terminal, reference: str, engine: engines.Engine, base_image: str | None, options: BuildOptions
) -> None:
    _require_checkout()
    with terminal.step("Building the UI"):
        _build_ui()
    with terminal.step("Base image") as step:
        step.outcome = base_image or base.find(engine)
    arguments = {**_labels(), **options.arguments, "BASE_IMAGE": step.outcome}
    network = options.network or engine.build_network()
    with terminal.step(f"Building {reference} with {engine.name}"):
        engine.build(reference, ROOT, _DOCKERFILE, BuildOptions(arguments, network, options.platform))


def _require_checkout() -> None:
    if not _DOCKERFILE.exists():
        raise UserError(
            "Images can only be built from a checkout, but this installer runs from an installed package.",
            hint="Clone the repository and run the same command there, or use a published image.",
        )


def load(
    terminal: Terminal,
    tag: str | None,
    cluster: str | None,
    kind: str | None,
    engine_name: str | None,
    base_image: str | None = None,
) -> None:
    """Loads the image into the nodes of a kind cluster; builds it first if it is missing or of another commit."""
    reference = catalog.server_reference(_checked_tag(tag))
    kind_program = kind_clusters.program(kind, ROOT)
    chosen = kind_clusters.choose(kind_program, cluster, "" if cluster else _current_context())
    engine = engines.find(engine_name)
    revision = _git("rev-parse", "HEAD")
    if not engine.has(reference) or revision not in ("", engine.label(reference, _REVISION)):
        _build(terminal, reference, engine, base_image, BuildOptions({}))
    with terminal.step(f"Loading {reference} into {chosen}"), tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "image.tar"
        engine.save(reference, archive)
        engines.run([kind_program, "load", "image-archive", f"--name={chosen}", str(archive)])
    text = f"{chosen} has {reference}\n\nNext: {program.command('up')} --context kind-{chosen}"
    terminal.result({"image": reference, "cluster": chosen}, text)


def _current_context() -> str:
    config = kubeconfig_files.read()
    return config.current if config is not None else ""


def push(
    terminal: Terminal, registry: str, tag: str | None, engine_name: str | None, digest_file: Path, *, plain_http: bool
) -> None:
    """Pushes the image to a registry and records its digest."""
    if "@" in registry:
        raise UserError(
            "A registry with a user name or password in its address is not supported.",
            hint="Log in first, with docker login, podman login or buildah login; then name the registry alone.",
        )
    if not _REGISTRY.fullmatch(registry):
        raise UserError(
            f"{registry!r} is not a valid registry.", hint="Give a host and, if needed, a path: ghcr.io/your-name"
        )
    reference = catalog.server_reference(_checked_tag(tag))
    engine = _engine_with(reference, engine_name)
    pushed_tag = reference.rpartition(":")[2]
    repository = f"{registry}/{catalog.SERVER_NAME}"
    with terminal.step(f"Pushing {repository}:{pushed_tag}"):
        digest = engine.push(reference, f"{repository}:{pushed_tag}", plain_http=plain_http)
    image = PushedImage(catalog.SERVER_NAME, repository, pushed_tag, digest)
    digests.write(digest_file, [image])
    text = f"Pushed {repository}:{pushed_tag}\nPinned {image.pinned}\nRecorded in {digest_file}"
    terminal.result({"image": f"{repository}:{pushed_tag}", "pinned": image.pinned}, text)


def _engine_with(reference: str, engine_name: str | None) -> engines.Engine:
    engine = engines.find(engine_name)
    if not engine.has(reference):
        raise UserError(
            f"{engine.name} does not have {reference}.", hint=f"Build it first: {program.command('images build')}"
        )
    return engine


def _checked_tag(tag: str | None) -> str | None:
    if tag is not None and not _TAG.fullmatch(tag):
        raise UserError(f"{tag!r} is not a valid tag.", hint="Use letters, digits, '_', '.' and '-', as in --tag 1.2.0")
    return tag


def _build_ui() -> None:
    engines.run([sys.executable, str(ROOT / "tools" / "setup.py"), "ui"])


def _labels() -> dict[str, str]:
    return {
        "VERSION": version(catalog.SERVER_NAME),
        "REVISION": _git("rev-parse", "HEAD") or "unknown",
        "CREATED": _git("show", "--no-patch", "--format=%cI", "HEAD") or datetime.now(timezone.utc).isoformat(),
    }


def _git(*arguments: str) -> str:
    """Returns what git says about this checkout; nothing where there is no git or no repository."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()
