"""`docs/demo.ipynb` does what it says, cell by cell."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "docs" / "demo.ipynb"

pytestmark = pytest.mark.contract


def printed(notebook, cell_id):
    (cell,) = (cell for cell in notebook.cells if cell.id == cell_id)
    return "".join(output.get("text") or output["data"]["text/plain"] for output in cell.outputs)


def test_the_demo_notebook_logs_and_reads_back(stack, monkeypatch, tmp_path):
    monkeypatch.setenv("KFMD_BACKEND", stack.rest_url.removeprefix("http://"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    notebook = nbformat.read(NOTEBOOK, as_version=4)

    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()

    listing = printed(notebook, "list")
    assert all(name in listing for name in ("mytable-dump", "MNIST", "MNIST-evaluation"))
    assert "'layers': [10, 3, 1]" in printed(notebook, "latest-model")
    assert "'rounds': 20" in printed(notebook, "latest-model")
    assert "is an OUTPUT of execution" in printed(notebook, "events-of-model")
    assert [line.split()[:2] for line in printed(notebook, "events-of-execution").splitlines()] == [
        ["INPUT", "mytable-dump"],
        ["OUTPUT", "MNIST"],
        ["OUTPUT", "MNIST-evaluation"],
    ]


def test_the_demo_notebook_is_kept_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
