"""The house has floors: a module imports only from its own and those below."""

import ast
import functools

import pytest

from tests.support import ROOT

HOUSE = ROOT / "jobwidgets"
FLOORS = [
    {
        "errors",
        "eligibility",
        "models",
        "vocabulary",
        "_internal.gc_pause",
        "_internal.sanitize",
        "_internal.secret",
        "_internal.timeparse",
    },
    {"transport.queries", "transport.retry", "transport.config", "listing.pagination"}
    | {"bulk.journal.journal", "bulk.journal.lock", "bulk.journal.codec", "bulk.journal.paths"},
    {"transport.http", "transport.portal"},
    {"_internal", "transport", "frames", "listing", "client"},
    {"bulk", "live", "archive", "distributed"},
    {"widgets", "magics", "cli", "rendering", "lab", "demo_server", "", "__main__"},
]  # the user interfaces import the public names that users import
BESIDE = "emulator"
MAY_START_THE_SERVICE = {"demo_server", "cli"}
SHOWN_BY = {("models", "rendering"), ("bulk", "rendering")}  # a value shows itself, with what is imported then
ASKED_FOR = {("client", "bulk"), ("listing", "live"), ("client", "live"), ("client", "archive")}  # imported when called


@functools.cache
def modules():
    return {
        ".".join(path.relative_to(HOUSE).with_suffix("").parts).removesuffix("__init__").rstrip("."): path
        for path in HOUSE.rglob("*.py")
    }


def floor(module):
    for number, rooms in enumerate(FLOORS):
        if module in rooms or module.split(".")[0] in rooms:
            return number
    raise AssertionError(f"{module} stands on no floor")


def imports(path):
    """Each import that runs, with whether it runs at once or only inside a function."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for typing_only in [n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.dump(n.test)]:
        typing_only.body = [ast.Pass()]
    inside = {n for f in ast.walk(tree) if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef) for n in ast.walk(f)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("jobwidgets"):
            base = (node.module or "").removeprefix("jobwidgets").lstrip(".")
            for alias in node.names:
                full = f"{base}.{alias.name}".lstrip(".")
                yield (full if full in modules() else base), node in inside
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("jobwidgets"):
                    yield alias.name.removeprefix("jobwidgets").lstrip("."), node in inside


@pytest.mark.parametrize("module", [name for name in modules() if not name.startswith(BESIDE)])
def test_a_module_imports_only_from_its_floor_and_those_below(module):
    for imported, lazily in imports(modules()[module]):
        room, other = module.split(".")[0], imported.split(".")[0]
        if other == BESIDE:
            assert room in MAY_START_THE_SERVICE, f"{module} imports the embedded service"
        elif not (lazily and (room, other) in SHOWN_BY | ASKED_FOR):
            assert floor(imported) <= floor(module), f"{module} imports {imported}"


def test_the_embedded_service_imports_nothing_of_the_package():
    for module, path in modules().items():
        if module.startswith(BESIDE):
            assert all(imported.startswith(BESIDE) for imported, _ in imports(path)), module


def test_only_the_wire_knows_the_http_library():
    knowing = {
        module
        for module, path in modules().items()
        if any(word in path.read_text(encoding="utf-8") for word in ("import httpx", "import aiohttp", "from httpx"))
    }
    assert knowing == {"transport.http"}


def test_no_module_has_become_too_long():
    assert [
        module for module, path in modules().items() if len(path.read_text(encoding="utf-8").splitlines()) > 400
    ] == []
