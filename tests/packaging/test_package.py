"""The package as it is built, installed and imported."""

import json
import os
import subprocess
import sys
import tomllib
import venv
import zipfile

import pytest
from packaging.requirements import Requirement

import jobwidgets
from tests.support import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built as an installer builds it, but without looking for the backend on a network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = f"from hatchling.build import build_wheel; print(build_wheel({str(folder)!r}))"
    done = subprocess.run([sys.executable, "-c", build], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.split()[-1]


def test_the_wheel_has_all_that_is_needed_and_nothing_of_the_workshop(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / "jobwidgets").rglob("*") if path.is_file()}
    ours = {name for name in ours if "__pycache__" not in name}
    shipped = {f"jobwidgets/notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    package = {name for name in names if not name.startswith("jobwidgets-")}
    assert package == ours | shipped
    for suffix in ("py.typed", ".js", ".css", "aiware.graphql", "01_tour.ipynb"):
        assert any(name.endswith(suffix) for name in names), suffix
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_installed_wheel_finds_its_notebooks_and_its_command(wheel, tmp_path):
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env" / "bin" / "python"
    site = next((tmp_path / "env" / "lib").glob("python3*/site-packages"))
    install = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", "--no-index", "--target", site, wheel]
    subprocess.run(install, check=True)
    (site / "theirs.pth").write_text("\n".join(entry for entry in sys.path if entry.endswith("site-packages")))
    look = (
        "from jobwidgets.lab.notebooks import shipped; print(shipped(), *sorted(p.name for p in shipped().iterdir()))"
    )
    found = subprocess.run(
        [python, "-I", "-c", look], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.split()
    assert found[0] == str(site / "jobwidgets" / "notebooks")
    assert found[1:] == sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    command = [python, "-I", "-m", "jobwidgets", "--version"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert told == f"jobwidgets {PROJECT['version']}\n"


def test_the_extension_of_jupyterlab_comes_with_the_wheel_and_is_found_once_that_is_installed(wheel, tmp_path):
    extension = ROOT / "jobwidgets" / "labextension" / "jobwidgets-lab"
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-qq",
        "--no-deps",
        "--no-index",
        "--ignore-installed",
        "--prefix",
        tmp_path,
        wheel,
    ]
    subprocess.run(install, check=True)
    share = tmp_path / "share" / "jupyter"
    installed = share / "labextensions" / "jobwidgets-lab"
    files = {path.relative_to(extension) for path in extension.rglob("*") if path.is_file()}
    assert {path.relative_to(installed) for path in installed.rglob("*") if path.is_file()} == files
    assert all((installed / path).read_bytes() == (extension / path).read_bytes() for path in files)
    assert json.loads((extension / "package.json").read_text())["version"] == PROJECT["version"]
    env = {**os.environ, "JUPYTER_PATH": str(share)}
    look = [sys.executable, "-m", "jupyterlab.labextensions", "list"]
    told = subprocess.run(look, env=env, capture_output=True, text=True, check=True)
    (line,) = [line for line in (told.stdout + told.stderr).splitlines() if "jobwidgets-lab" in line]
    assert "enabled" in line
    assert "OK" in line


def test_importing_the_package_loads_nothing_heavy_and_asks_no_network():
    look = "import sys, json, jobwidgets; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout)
    assert not {"pandas", "numpy", "gql", "graphql", "httpx", "aiohttp", "ipywidgets", "anywidget"} & set(loaded)
    assert not {"asyncio", "socket", "ssl", "IPython"} & set(loaded)


def test_importing_the_package_loads_one_file_of_it_and_little_else():
    look = "import sys; before = set(sys.modules); import jobwidgets; print(*sorted(set(sys.modules) - before))"
    told = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout
    new = {name.partition(".")[0] for name in told.split()}
    assert [name for name in told.split() if name.startswith("jobwidgets")] == ["jobwidgets"]
    assert new - {"jobwidgets"} <= {"__future__", "_warnings", "importlib", "warnings"}


def test_asking_for_the_version_loads_nothing_heavy():
    look = "import sys; from jobwidgets.cli import main\ntry: main(['--version'])\nexcept SystemExit: pass\n"
    look += (
        "print(*sorted({name.partition('.')[0] for name in sys.modules} & {'pandas', 'gql', 'httpx', 'ipywidgets'}))"
    )
    told = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout
    assert told.splitlines() == [f"jobwidgets {jobwidgets.__version__}", ""]


def test_the_core_needs_no_front_end_no_arrow_and_no_server():
    connection = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert not connection & {"jupyterlab", "notebook", "pyarrow", "uvicorn", "matplotlib", "keyring", "playwright"}


def test_the_version_is_the_same_everywhere():
    assert jobwidgets.__version__ == PROJECT["version"]
    assert f"## [{PROJECT['version']}]" in (ROOT / "CHANGELOG.md").read_text()


def test_what_is_published_names_no_folder_of_a_machine():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    home = os.path.expanduser("~")  # noqa: PTH111 - the text itself is wanted
    texts = [name for name in tracked if not name.endswith(".png")]
    assert not [name for name in texts if home in (ROOT / name).read_text(errors="replace")]
