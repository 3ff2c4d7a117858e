"""The house has floors: a module imports only from its own and those below."""

import ast
import functools

import pytest

from tests.support import ROOT

HOUSE = ROOT / "jobwidgets"
FLOORS = [
    {"_errors", "_model", "_pause", "_secret", "_text", "_when"},
    {"client._documents", "client._flow", "client._listing", "client._settings"}
    | {"bulk._journal", "bulk._lease", "bulk._lines", "bulk._state"},
    {"client._wire", "client._portal"},
    {"frames", "client"},
    {"bulk", "live", "watch", "archive", "distributed"},
    {"panel", "magics", "cli", "display", "_lab", "_leash", "_notebooks", "_demo", "_side", "", "__main__"},
]  # the faces stand at the door: they use the public names that users use
BESIDE = "emulator"
MAY_START_THE_SERVICE = {"_demo", "cli"}
SHOWN_BY = {("_model", "display"), ("bulk", "display")}  # a value shows itself by the faces, loaded when it is shown
ASKED_FOR = {("client", "bulk"), ("client", "watch"), ("client", "archive")}  # loaded when they are asked for


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
    assert knowing == {"client._wire"}


def test_no_module_has_become_too_long():
    assert [
        module for module, path in modules().items() if len(path.read_text(encoding="utf-8").splitlines()) > 400
    ] == []
