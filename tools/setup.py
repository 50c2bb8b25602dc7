"""Sets this checkout up for the make targets; says what it does, and does nothing twice.

``python3 tools/setup.py local ui``: the virtual environment ``.venv`` for laptop mode, and the built UI.
``python3 tools/setup.py dev ui``: the same with what tests and lint need.

Uses the standard library only. What was installed or built is remembered by the hash of what it was made from.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
CACHE = ROOT / ".cache"
STATIC = ROOT / "src" / "kubeflow_metadata" / "ui" / "static"

OLDEST_PYTHON = (3, 10)
# Newest first: what to look for where `python3` itself is too old.
OTHER_PYTHONS = ("python3.13", "python3.12", "python3.11", "python3.10")
# The Node.js versions that the UI's tools run on, as `engines` in ui/package.json has them: these majors from these
# minors on, and every major from the newest on.
NODE_MINORS = {20: 19, 22: 12}
NEWEST_NODE = 24


def main():
    use_a_fitting_python()
    for goal in sys.argv[1:]:
        {"local": lambda: set_up_venv("local"), "dev": lambda: set_up_venv("dev"), "ui": build_ui}[goal]()


def use_a_fitting_python():
    """Goes on in a newer Python where this one is too old."""
    if sys.version_info >= OLDEST_PYTHON:
        return
    for name in OTHER_PYTHONS:
        other = shutil.which(name)
        # A shim on the PATH may lead nowhere.
        if other and subprocess.call([other, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            os.execv(other, [other, *sys.argv])
    stop(
        "Python 3.10 or newer is needed; this is {}.{}.".format(*sys.version_info[:2]),
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
    if not (VENV / "bin" / "python").exists():
        make_venv()
    say("Installing {} packages into .venv".format(kind))
    python = str(VENV / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    run([*pip, "install", "--require-hashes", "-r", str(ROOT / "requirements" / "build.lock")])
    run([*pip, "install", "--require-hashes", "-r", str(lock)])
    editable = ["--no-deps", "--no-build-isolation", "-e", str(ROOT), "-e", str(ROOT / "sdk")]
    run([*pip, "install", *editable])
    stamp(kind).write_text(digest([lock, *projects]))


def make_venv():
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        stop(
            "This Python ({}) cannot make virtual environments.".format(sys.executable),
            "Debian and Ubuntu: apt-get install python3-venv",
        )
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
    run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=ROOT / "ui", env=environment)
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
        pip = [str(own / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet"]
        run([*pip, "install", "--require-hashes", "-r", str(lock)])
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


def run(command, **options):
    try:
        subprocess.run(command, check=True, **options)
    except FileNotFoundError:
        stop("{} is not installed.".format(command[0]), "Install it, then type the same again.")
    except subprocess.CalledProcessError as error:
        stop("This failed with exit code {}: {}".format(error.returncode, " ".join(command)), "See the lines above.")


def say(text):
    print(text + " ...", flush=True)


def stop(problem, hint):
    sys.exit("Error: {}\n{}".format(problem, hint))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
