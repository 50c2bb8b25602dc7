"""Sets this checkout up for the make targets; says what it does, and does nothing twice.

``python3 tools/setup.py local ui``: the virtual environment ``.venv`` for laptop mode, and the built UI.
``python3 tools/setup.py dev ui``: the same with what tests and lint need.

Goals are worked on at the same time; the first that fails stops the others. What was installed or built is remembered
by the hash of what it was made from.

Uses the standard library only, and of Python what 3.6 knows: an old ``python3`` gets as far as a clear refusal.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
CACHE = ROOT / ".cache"
STATIC = ROOT / "src" / "kubeflow_metadata" / "ui" / "static"

OLDEST_PYTHON, NEWEST_PYTHON = (3, 10), (3, 14)
# Newest first: what to look for where `python3` itself is not supported.
OTHER_PYTHONS = ("python3.14", "python3.13", "python3.12", "python3.11", "python3.10")
# The Node.js versions that the UI's tools run on, as `engines` in ui/package.json has them: these majors from these
# minors on, and every major from the newest on.
NODE_MINORS = {20: 19, 22: 12}
NEWEST_NODE = 24


def main():
    use_a_supported_python()
    goals = {"local": lambda: set_up_venv("local"), "dev": lambda: set_up_venv("dev"), "ui": build_ui}
    together([goals[name] for name in sys.argv[1:]])


def use_a_supported_python():
    """Goes on in a supported Python where this one is too old or too new."""
    if OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
        return
    for name in OTHER_PYTHONS:
        other = shutil.which(name)
        # A shim on the PATH may lead nowhere, and Debian's Pythons may lack venv.
        if other and subprocess.call([other, "-c", "import ensurepip, venv"], stderr=subprocess.DEVNULL) == 0:
            os.execv(other, [other, *sys.argv])
    raise SetUpError(
        "Python {}.{} to {}.{} is needed; this is {}.{}.".format(*OLDEST_PYTHON, *NEWEST_PYTHON, *sys.version_info[:2]),
        "Install one, or name it: make PYTHON=/path/to/python3.12",
    )


def set_up_venv(kind):
    """Makes ``.venv`` and installs the locked packages of ``local`` or ``dev``, and this checkout, into it."""
    lock = ROOT / "requirements" / (kind + ".lock")
    projects = [ROOT / "pyproject.toml", ROOT / "sdk" / "pyproject.toml"]
    # What tests need includes what laptop mode needs: `make up` after `make test` has nothing to do.
    for done in ("dev", kind):
        files = [ROOT / "requirements" / (done + ".lock"), *projects]
        if stamp(done).exists() and stamp(done).read_text() == digest(files):
            return
    # The last thing that making one writes: without it, that was interrupted.
    if not (VENV / "bin" / "pip").exists():
        make_venv()
    say("Installing {} packages into .venv".format(kind))
    install(VENV, ROOT / "requirements" / "build.lock", lock)
    run([*pip_of(VENV), "install", "--no-deps", "--no-build-isolation", "-e", str(ROOT), "-e", str(ROOT / "sdk")])
    stamp(kind).write_text(digest([lock, *projects]))


def install(environment, *locks):
    """Installs what locks name into a virtual environment."""
    files = [word for lock in locks for word in ("-r", str(lock))]
    # A lock names every package that its packages need, and Python compiles what is imported when it is imported.
    run([*pip_of(environment), "install", "--no-deps", "--no-compile", "--require-hashes", *files])


def pip_of(environment):
    return [str(environment / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet"]


def make_venv():
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        raise SetUpError(
            "This Python ({}) cannot make virtual environments.".format(sys.executable),
            "Debian and Ubuntu: apt-get install python3-venv",
        ) from None
    say("Making .venv with Python {}.{}".format(*sys.version_info[:2]))
    run([sys.executable, "-m", "venv", "--clear", str(VENV)])


def build_ui():
    """Builds the UI into ``src/kubeflow_metadata/ui/static`` where its sources changed since the last time."""
    sources = [file for file in sorted((ROOT / "ui").rglob("*")) if file.is_file() and is_source(file)]
    wanted, built = digest(sources), CACHE / "ui.hash"
    if built.exists() and built.read_text() == wanted and (STATIC / "index.html").exists():
        return
    path = path_with_node()
    say("Building the UI")
    environment = {**os.environ, "PATH": path}
    install_ui = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    # The lock has hashes: what npm's cache holds need not be asked for again, unless that is older than the lock.
    if result([*install_ui, "--prefer-offline"], cwd=ROOT / "ui", env=environment)[0]:
        run(install_ui, cwd=ROOT / "ui", env=environment)
    run(["npm", "run", "--silent", "build"], cwd=ROOT / "ui", env=environment)
    CACHE.mkdir(exist_ok=True)
    built.write_text(wanted)


def is_source(file):
    parts = file.relative_to(ROOT / "ui").parts
    return not {"node_modules", "test-results", "coverage"} & set(parts)


def path_with_node():
    """A PATH on which there is a Node.js that is new enough: the machine's, or one from a Python package."""
    node = shutil.which("node")
    if node and shutil.which("npm"):
        version = subprocess.check_output([node, "--version"]).decode()
        if node_fits(version):
            return os.environ["PATH"]
    own = CACHE / "node"
    lock = ROOT / "requirements" / "node.lock"
    done = own / "lock.hash"
    if not (done.exists() and done.read_text() == digest([lock])):
        say("No fitting Node.js is here: taking one from a Python package")
        run([sys.executable, "-m", "venv", "--clear", str(own)])
        install(own, lock)
        done.write_text(digest([lock]))
    return os.pathsep.join([str(own / "bin"), os.environ["PATH"]])


def node_fits(version):
    major, minor = (int(part) for part in version.strip().lstrip("v").split(".")[:2])
    return major >= NEWEST_NODE or minor >= NODE_MINORS.get(major, sys.maxsize)


def stamp(kind):
    return VENV / ("installed-" + kind + ".hash")


def digest(files):
    found = hashlib.sha256()
    for file in files:
        found.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()


class SetUpError(Exception):
    """What is wrong, and what to type next."""


class Running:
    """The processes that run now: stopping them stops whoever waits for one, and lets no other start."""

    def __init__(self):
        self.lock = threading.Lock()
        self.processes = set()
        self.stopped = False

    def start(self, command, **options):
        with self.lock:
            if self.stopped:
                raise SetUpError("Stopped.", "")
            # A session of its own, so that what npm starts is stopped with it.
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True, **options
            )
            self.processes.add(process)
            return process

    def ended(self, process):
        with self.lock:
            self.processes.discard(process)

    def stop(self):
        with self.lock:
            self.stopped = True
            for process in self.processes:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGTERM)


RUNNING = Running()


def together(goals):
    """Works on all goals at the same time.

    Raises:
        SetUpError: one of them did; the others were stopped.
    """
    failures = []

    def work_on(goal):
        try:
            goal()
        except BaseException as failure:
            failures.append(failure)
            RUNNING.stop()

    threads = [threading.Thread(target=work_on, args=(goal,)) for goal in goals]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        RUNNING.stop()
        raise
    if failures:
        raise failures[0]


def run(command, **options):
    """Runs a command; what it prints is shown where it fails, in one piece."""
    code, output = result(command, **options)
    if code:
        if not RUNNING.stopped:
            sys.stderr.write(output.decode(errors="replace"))
        raise SetUpError("This failed with exit code {}: {}".format(code, " ".join(command)), "See the lines above.")


def result(command, **options):
    """Runs a command; gives its exit code and what it printed."""
    try:
        process = RUNNING.start(command, **options)
    except FileNotFoundError:
        raise SetUpError("{} is not installed.".format(command[0]), "Install it, then type the same again.") from None
    output = process.communicate()[0]
    RUNNING.ended(process)
    return process.returncode, output


def say(text):
    print(text + " ...", flush=True)


if __name__ == "__main__":
    try:
        main()
    except SetUpError as error:
        sys.exit("Error: {}\n{}".format(*error.args))
    except KeyboardInterrupt:
        sys.exit(130)
