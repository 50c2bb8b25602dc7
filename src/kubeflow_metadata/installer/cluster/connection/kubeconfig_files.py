"""The files of a kubeconfig: read, merged as kubectl merges them, and what a context in them says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program

# Sections, and what an entry calls its content.
_SECTIONS = {"clusters": "cluster", "contexts": "context", "users": "user"}
# Paths in them are relative to the file that has them.
_PATHS = {
    "clusters": ("certificate-authority",),
    "users": ("client-certificate", "client-key", "tokenFile"),
}


@dataclass(frozen=True)
class Entry:
    """A named entry of a section, and the file that it is in."""

    name: str
    content: Mapping[str, Any]
    file: Path


@dataclass
class Kubeconfig:
    """What the files say together: where two of them say something, the first one wins.

    Attributes:
        files: those that exist.
        current: the name of the current context; empty where there is none.
    """

    files: list[Path]
    current: str = ""
    sections: dict[str, dict[str, Entry]] = field(default_factory=lambda: {name: {} for name in _SECTIONS})

    @property
    def named(self) -> str:
        """The files as messages name them."""
        return os.pathsep.join(map(str, self.files))

    @property
    def contexts(self) -> list[str]:
        """The names of all contexts."""
        return list(self.sections["contexts"])

    @property
    def namespaces(self) -> list[str]:
        """The namespaces that contexts name."""
        named = (entry.content.get("namespace") for entry in self.sections["contexts"].values())
        return sorted({str(each) for each in named if each})


@dataclass(frozen=True)
class Access:
    """What a context says: where, and as whom.

    Attributes:
        context: its name.
        cluster: the entry of the cluster.
        user: the entry of the user; None where the context names none, which is to be anonymous.
    """

    context: str
    cluster: Entry
    user: Entry | None


def paths() -> list[Path]:
    """Returns where a kubeconfig is looked for: KUBECONFIG, or the usual place in the home directory."""
    if named := os.environ.get("KUBECONFIG"):
        return [Path(os.path.expanduser(each)) for each in named.split(os.pathsep) if each]  # noqa: PTH111 - keeps what it cannot expand
    try:
        return [Path.home() / ".kube" / "config"]
    except RuntimeError:  # a user without a home directory
        return []


def read() -> Kubeconfig | None:
    """Returns the kubeconfig; None where no file exists.

    Raises:
        UserError: a file is no kubeconfig.
    """
    present = [path for path in paths() if _exists(path)]
    if not present:
        return None
    merged = Kubeconfig(present)
    for path in present:
        _merge(merged, _document(path), path)
    return merged


def chosen(config: Kubeconfig, context: str | None) -> Access:
    """Returns what a context says, or the current one.

    Raises:
        UserError: there is no such context, or what it names is not there.
    """
    name = context or config.current
    known = f"Select one with --context: {', '.join(config.contexts)}"
    if not config.contexts:
        known = f"Set KUBECONFIG to another file, or, without a cluster, run: {program.command('up --local')}"
    if not name:
        raise UserError(f"The kubeconfig {config.named} has no current context.", hint=known)
    entry = config.sections["contexts"].get(name)
    if entry is None:
        raise UserError(f"The kubeconfig {config.named} has no context {name!r}.", hint=known)
    cluster = _named_by(config, entry, "clusters")
    if cluster is None:
        raise UserError(f"Context {name} in {entry.file} names no cluster.", hint=known)
    return Access(name, cluster, _named_by(config, entry, "users"))


def _named_by(config: Kubeconfig, context: Entry, section: str) -> Entry | None:
    kind = _SECTIONS[section]
    name = context.content.get(kind)
    if name in (None, ""):
        return None
    entry = config.sections[section].get(str(name))
    if entry is None:
        raise UserError(
            f"Context {context.name} in {context.file} names the {kind} {name!r}, which is not in the kubeconfig.",
            hint="Select another context with --context, or add it to that file.",
        )
    return entry


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # a directory on the way cannot be searched
        raise _cannot_read(path, error) from error


def _cannot_read(path: Path, error: OSError) -> UserError:
    reason = "it is a directory" if path.is_dir() else error.strerror
    return UserError(f"Cannot read the kubeconfig {path}: {reason}.", hint="Set KUBECONFIG to another file.")


def _document(path: Path) -> Mapping[str, Any]:
    another = "Set KUBECONFIG to another file."
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _cannot_read(path, error) from error
    except UnicodeDecodeError as error:
        raise UserError(f"The kubeconfig {path} is not valid YAML: it is not text.", hint=another) from error
    except yaml.MarkedYAMLError as error:
        # Without the lines around it, which may hold credentials.
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UserError(f"The kubeconfig {path}{where} is not valid YAML: {error.problem}.", hint=another) from None
    except (yaml.YAMLError, RecursionError):
        raise UserError(f"The kubeconfig {path} is not valid YAML.", hint=another) from None
    if document is None:
        raise UserError(f"The kubeconfig {path} is empty.", hint=another)
    if not isinstance(document, dict):
        kind = "a list" if isinstance(document, list) else "plain text"
        raise UserError(f"{path} is not a kubeconfig, but {kind}.", hint=another)
    return document


def _merge(merged: Kubeconfig, document: Mapping[str, Any], path: Path) -> None:
    merged.current = merged.current or str(document.get("current-context") or "")
    for section, kind in _SECTIONS.items():
        entries = document.get(section) or []
        if not isinstance(entries, list):
            raise _malformed(path, f"{section} is not a list")
        for each in entries:
            content = each.get(kind) or {} if isinstance(each, dict) else None
            if not isinstance(content, dict) or not each.get("name"):
                raise _malformed(path, f"an entry of {section} is not a name with a {kind}")
            name = str(each["name"])
            absolute = {key: _absolute(content[key], path) for key in _PATHS.get(section, ()) if content.get(key)}
            merged.sections[section].setdefault(name, Entry(name, {**content, **absolute}, path))


def _malformed(path: Path, problem: str) -> UserError:
    return UserError(f"The kubeconfig {path} is malformed: {problem}.", hint="To see it, run: kubectl config view")


def _absolute(named: Any, file: Path) -> str:
    return str(file.absolute().parent / str(named))
