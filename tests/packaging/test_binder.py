"""`binder/`, checked as far as it goes without docker."""

import json
import os
import shutil
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support import ROOT


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """What repo2docker would build, from the tracked files alone."""
    tree = tmp_path_factory.mktemp("tree")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in tracked.splitlines():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tree / name)
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--no-run", "--debug", "."]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_the_python_is_pinned_to_one_we_support(recipe):
    assert "Building conda environment for python=3.12" in recipe
    assert "Python version unspecified" not in recipe


def test_the_image_installs_the_package_and_runs_our_last_step(recipe):
    steps = recipe.splitlines()
    installs = [line for line in steps if "pip install" in line and "binder/requirements.txt" in line]
    assert len(installs) == 1
    assert steps.index(installs[0]) > steps.index("COPY --chown=0:0 src/ ${REPO_DIR}/")
    assert "RUN ./binder/postBuild" in steps
    assert (ROOT / "binder" / "requirements.txt").read_text() == "--editable .[demo]\n"
    assert os.access(ROOT / "binder" / "postBuild", os.X_OK)


def test_the_last_step_works_here_as_well(tmp_path):
    """It runs against a prefix of its own, so that this environment's JupyterLab keeps its settings."""
    python = tmp_path / "python"
    instead = f'case "$2" in *sys.prefix*) echo {tmp_path};; *) exec {sys.executable} "$@";; esac'
    python.write_text(f"#!/bin/sh\n{instead}\n")
    python.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        [ROOT / "binder" / "postBuild"], env=env, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "jobs of the embedded service" in done.stdout
    overrides = json.loads((tmp_path / "share/jupyter/lab/settings/overrides.json").read_text())
    assert overrides["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"


def test_the_badge_opens_the_tour():
    badge = next(line for line in (ROOT / "README.md").read_text().splitlines() if "mybinder.org/v2/" in line)
    address = badge.rpartition("](")[2].rstrip(")")
    (opens,) = parse_qs(urlsplit(address).query)["urlpath"]
    assert opens.startswith("lab/tree/")
    assert (ROOT / opens.removeprefix("lab/tree/")).is_file()
