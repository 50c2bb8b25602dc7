"""Files and directories that are this user's own: opened only where they are, and never through a link.

Somebody else may have prepared what lies in a data directory: a link to a file elsewhere, a pipe that is never written,
a folder in the place of a file.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kubeflow_metadata.errors import UserError

_OWN = "Use a directory of your own: --data-dir DIR"
_MOVE = "Move it away, or use another directory: --data-dir DIR"
# What open(2) says of a symbolic link: Linux and macOS, and FreeBSD.
_LINK_ERRORS = (errno.ELOOP, errno.EMLINK)


def make_directory(path: Path) -> bool:
    """Creates a directory with mode 0700, and those above it as usual; returns whether it was missing.

    Raises:
        UserError: it cannot be created.
    """
    try:
        path.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        return False
    except OSError as error:
        raise cannot("create", path, error) from error
    return True


def require_own_directory(path: Path) -> None:
    """Checks that a directory is one that only this user can change.

    Raises:
        UserError: it is a link, no directory, another user's, or others may write to it.
    """
    try:
        status = path.lstat()
    except OSError as error:
        raise cannot("use", path, error) from error
    if stat.S_ISLNK(status.st_mode):
        raise UserError(
            f"{path} is a symbolic link, and links are not followed.",
            hint=f"Use the directory that it leads to: --data-dir {os.path.realpath(path)}",
        )
    if not stat.S_ISDIR(status.st_mode):
        raise UserError(f"{path} is not a directory.", hint=_OWN)
    if status.st_uid != os.geteuid():
        raise UserError(f"The directory {path} belongs to another user (uid {status.st_uid}).", hint=_OWN)
    if status.st_mode & stat.S_IWOTH:
        raise UserError(
            f"Other users can write to the directory {path}.",
            hint=f"Use a new directory in it: --data-dir {path / 'kubeflow-metadata'}",
        )


def is_there(path: Path) -> bool:
    """Returns whether there is a file; no link is followed.

    Raises:
        UserError: there is something else than a plain file of this user's.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise cannot("use", path, error) from error
    if problem := _problem(status):
        raise UserError(f"{path} {problem}.", hint=_MOVE)
    return True


def open_file(path: Path, flags: int) -> int:
    """Opens a plain file of this user's own, and creates it with mode 0600 where the flags say so.

    Args:
        path: of the file.
        flags: as those of ``os.open``; ``O_TRUNC`` would empty what is then refused.

    Returns:
        the file descriptor.

    Raises:
        FileNotFoundError: there is none, and it is not to be created.
        UserError: it cannot be opened, or is something else.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not flags & os.O_CREAT:
            raise
        if error.errno in _LINK_ERRORS:
            is_there(path)  # says so
        raise cannot("open", path, error) from error
    if problem := _problem(os.fstat(descriptor)):
        os.close(descriptor)
        raise UserError(f"{path} {problem}.", hint=_MOVE)
    return descriptor


def read(path: Path, limit: int) -> bytes:
    """Returns the beginning of a file: ``limit`` bytes and one more, so that a longer one is known as such.

    Raises:
        FileNotFoundError: there is none.
        UserError: it cannot be read, or is no plain file of this user's.
    """
    with os.fdopen(open_file(path, os.O_RDONLY), "rb") as file:
        try:
            return file.read(limit + 1)
        except OSError as error:
            raise cannot("read", path, error) from error


def replace(path: Path, content: bytes, draft: Path) -> None:
    """Writes a whole file at once, by way of a draft beside it.

    Raises:
        UserError: it cannot be written.
    """
    try:
        draft.unlink(missing_ok=True)
        with os.fdopen(open_file(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
            file.write(content)
        draft.replace(path)
    except OSError as error:
        raise cannot("write", path, error) from error


@contextmanager
def own_directory(path: str | Path, parent: int | None = None) -> Iterator[int | None]:
    """Opens a directory of this user's own for deletions in it; gives None where there is no such thing.

    Args:
        path: of the directory, or its name in ``parent``.
        parent: descriptor of the directory that it is in.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    except OSError:
        yield None
        return
    try:
        yield descriptor if os.fstat(descriptor).st_uid == os.geteuid() else None
    finally:
        os.close(descriptor)


def delete_file(name: str, directory: int) -> bool:
    """Deletes a plain file of this user's in an open directory; returns whether nothing of that name is left."""
    try:
        if _problem(os.stat(name, dir_fd=directory, follow_symlinks=False)):
            return False
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def delete_directory(name: str | Path, parent: int | None = None) -> None:
    """Deletes a directory where it is empty."""
    try:
        os.rmdir(name, dir_fd=parent)
    except OSError:
        return


def cannot(verb: str, path: Path, error: OSError) -> UserError:
    """Returns what to tell the user about a failed operation."""
    return UserError(f"Cannot {verb} {path}: {error.strerror}.", hint=_OWN)


def _problem(status: os.stat_result) -> str:
    """Returns what is wrong with a file; empty where it is a plain one of this user's."""
    if stat.S_ISLNK(status.st_mode):
        return "is a symbolic link, and links are not followed"
    if not stat.S_ISREG(status.st_mode):
        return "is not a plain file"
    if status.st_uid != os.geteuid():
        return f"belongs to another user (uid {status.st_uid})"
    # Writing to it would change a file elsewhere, and SQLite damages a database with two names.
    if status.st_nlink > 1:
        return "is a hard link: the same file has another name"
    return ""
