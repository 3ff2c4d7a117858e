"""What a module may import: only from the layers below its own, and never what imports it; type-only imports count."""

import subprocess
import sys
from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

from tests.support import ROOT

LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"


def order(graph):
    """Put the modules in an order in which each comes after what it imports."""
    imported = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    return list(TopologicalSorter(imported).static_order())


def test_imports_keep_the_contracts():
    """The contracts are those of `[tool.importlinter]` in pyproject.toml."""
    linted = subprocess.run([sys.executable, "-c", LINT], cwd=ROOT, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert "0 broken" in linted.stdout


def test_no_module_is_imported_by_what_it_imports():
    graph = grimp.build_graph("jobwidgets", cache_dir=None)
    assert len(order(graph)) == len(graph.modules) > 200
    graph.add_import(importer="jobwidgets.errors", imported="jobwidgets.cli")  # a circle would be found
    with pytest.raises(CycleError):
        order(graph)
