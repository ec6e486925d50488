"""What is installed: where things are kept, the command, one version, dependencies from one source, the wheel."""

import json
import os
import re
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import attnlib
from attnlib import launch, paths
from attnlib.__main__ import main, microscope
from attnlib.paths import PROJECT
from attnlib.study import process
from attnlib.study.folder import StudyFolder
from tests.wheel import Installed, installed

PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
README = (PROJECT / "README.md").read_text("utf-8")
PIN = re.compile(r"^([\w.-]+(?:\[\w+\])?)==([\d.]+)$", re.MULTILINE)


def pins(name: str) -> dict[str, str]:
    return dict(PIN.findall((PROJECT / name).read_text("utf-8")))


# ---------------------------------------------------------------------------------------------- where things are kept


def test_a_clone_keeps_its_own_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ATTNLIB_STUDIES", "ATTNLIB_CACHE"):
        monkeypatch.delenv(name)
    assert (paths.studies_root(), paths.cache_root()) == (PROJECT / "studies", PROJECT / "cache")


@pytest.mark.parametrize(
    ("system", "variable", "value", "studies", "cache"),
    [
        ("linux", "XDG_DATA_HOME", "/data", "/data", "/home/me/.cache"),
        ("linux", "XDG_CACHE_HOME", "/fast", "/home/me/.local/share", "/fast"),
        ("linux", "XDG_DATA_HOME", "relative", "/home/me/.local/share", "/home/me/.cache"),
        ("freebsd14", "NONE", "", "/home/me/.local/share", "/home/me/.cache"),
        ("darwin", "NONE", "", "/home/me/Library/Application Support", "/home/me/Library/Caches"),
        ("win32", "LOCALAPPDATA", "/local", "/local", "/local"),
        ("win32", "NONE", "", "/home/me/AppData/Local", "/home/me/AppData/Local"),
    ],
)
def test_a_package_uses_the_users_folder(
    monkeypatch: pytest.MonkeyPatch, system: str, variable: str, value: str, studies: str, cache: str
) -> None:
    for name in ("ATTNLIB_STUDIES", "ATTNLIB_CACHE", "XDG_DATA_HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv(variable, value)
    monkeypatch.setattr(paths, "INSTALLED", True)
    monkeypatch.setattr(sys, "platform", system)
    assert paths.studies_root() == Path(studies, "attention-microscope", "studies")
    assert paths.cache_root() == Path(cache, "attention-microscope", "cache")


def test_a_named_folder_is_meant_from_where_the_process_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATTNLIB_STUDIES", "mine")
    assert paths.studies_root() == tmp_path / "mine"


def test_a_study_of_the_dashboard_runs_where_the_dashboard_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """So that a model named by a relative folder is the same one; what lies in that folder is not imported."""
    begun: list[tuple[list[str], dict[str, Any]]] = []
    monkeypatch.setattr(process.subprocess, "Popen", lambda command, **how: begun.append((command, how)))
    monkeypatch.setattr(StudyFolder, "manifest", lambda self: {})
    monkeypatch.setenv("PYTHONPATH", "/mine")
    process.start(StudyFolder(tmp_path))
    ((command, how),) = begun
    assert "-P" in command
    assert how.get("cwd") is None
    assert how["env"]["PYTHONPATH"] == os.pathsep.join([str(PROJECT), "/mine"])


# ---------------------------------------------------------------------------------------------- the command


@pytest.fixture
def streamlit(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What Streamlit would have been called with."""
    called: list[list[str]] = []
    monkeypatch.setattr(launch.runpy, "run_module", lambda name, **_: called.append([name, *sys.argv[1:]]))
    monkeypatch.setattr(sys, "argv", ["attention-microscope"])
    monkeypatch.setattr(os, "environ", dict(os.environ))  # a user's settings become variables
    return called


def test_the_command_opens_the_dashboard(streamlit: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    app = str(PROJECT / "dashboard.py")
    monkeypatch.setattr(sys, "argv", ["attention-microscope"])
    assert microscope() == 0
    assert main(["dashboard", "--port", "8600", "--no-browser", "--", "--server.baseUrlPath=a"]) == 0
    options = ["--server.port=8600", "--server.headless=true", "--server.baseUrlPath=a"]
    assert streamlit == [["streamlit", "run", app], ["streamlit", "run", *options, app]]


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", ""])
def test_a_wrong_port_is_a_sentence(
    port: str, streamlit: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["dashboard", f"--port={port}"])
    assert "is no port. Give a number from 1 to 65535." in capsys.readouterr().err
    assert streamlit == []


def test_what_a_user_set_is_not_overruled(
    streamlit: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The folder's file before the home's, a variable before both; what the app does not set is left to Streamlit."""
    home, here = tmp_path / "home", tmp_path / "here"
    for folder, text in (
        (home, '[server]\naddress = "0.0.0.0"\nport = 9\n[browser]\ngatherUsageStats = true\n'),
        (here, '[server]\nallowedHosts = ["lab", "localhost"]\n[theme.light]\nprimaryColor = "#000000"\n'),
    ):
        (folder / ".streamlit").mkdir(parents=True)
        (folder / ".streamlit" / "config.toml").write_text(text)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(here)
    assert launch.users_settings() == {
        "STREAMLIT_SERVER_ADDRESS": "0.0.0.0",
        "STREAMLIT_SERVER_ALLOWED_HOSTS": "lab localhost",
        "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "True",
        "STREAMLIT_THEME_LIGHT_PRIMARY_COLOR": "#000000",
    }
    (here / ".streamlit" / "config.toml").write_text("no TOML [")
    assert set(launch.users_settings()) == {"STREAMLIT_SERVER_ADDRESS", "STREAMLIT_BROWSER_GATHER_USAGE_STATS"}


def test_settings_have_the_variables_of_streamlit() -> None:
    from streamlit import config

    options = {option.env_var for option in config._config_options_template.values()}
    app = launch._settings(PROJECT / launch.SETTINGS)
    assert len(app) > 10
    assert app.keys() <= options


# ---------------------------------------------------------------------------------------------- one source


def test_the_changelog_begins_with_this_version() -> None:
    changes = (PROJECT / "CHANGELOG.md").read_text("utf-8")
    found = re.findall(r"^## \[?([\d.]+)", changes, re.MULTILINE)
    assert found[0] == attnlib.__version__


def test_the_build_backend_is_that_of_the_tests() -> None:
    (backend,) = PYPROJECT["build-system"]["requires"]
    assert backend == f"hatchling=={pins('requirements-dev.txt')['hatchling']}"


# ---------------------------------------------------------------------------------------------- the wheel


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    return installed(tmp_path_factory.mktemp("installed"))


def test_dependencies_and_extras_are_the_pins_as_ranges(package: Installed) -> None:
    with zipfile.ZipFile(package.wheel) as wheel:
        text = wheel.read(next(name for name in wheel.namelist() if name.endswith("METADATA"))).decode()
    about = Parser().parsestr(text)
    assert about["Version"] == attnlib.__version__
    extras = set(about.get_all("Provides-Extra") or ())
    assert extras == {"cluster", "attribution", "adapters"}
    files = {"requirements.txt": ""} | {f"requirements-{name}.txt": name for name in extras}
    expected = set()
    for file, extra in files.items():
        for name, version in pins(file).items():
            major, minor = (int(part) for part in version.split(".")[:2])
            below = str(major + 1) if major else f"0.{minor + 1}"
            expected.add((f"{name}<{below},>={version}", extra))
    found = {
        (needed.partition(";")[0].strip(), (re.findall(r"extra == ['\"](\w+)", needed) or [""])[0])
        for needed in about.get_all("Requires-Dist") or ()
    }
    assert found == expected


def test_every_file_that_is_read_is_installed_and_no_foreign_name(package: Installed) -> None:
    there = {path.relative_to(package.packages).as_posix() for path in package.packages.rglob("*") if path.is_file()}
    assert {path.split("/")[0].partition("-")[0] for path in there} == {
        "attnlib",
        "attention_microscope",
        "of_the_tests.pth",
    }
    sources = [path for folder in ("attnlib", "pages", "data") for path in (PROJECT / folder).rglob("*")]
    wanted = {
        ("" if path.is_relative_to(PROJECT / "attnlib") else "attnlib/_app/") + path.relative_to(PROJECT).as_posix()
        for path in (*sources, PROJECT / "dashboard.py", PROJECT / ".streamlit" / "config.toml")
        if path.is_file() and "__pycache__" not in path.parts
    }
    left_out = {path for path in wanted if path.startswith("attnlib/_app/data/") and path.endswith(".py")}
    ours = {path for path in there if path.startswith("attnlib/") and "__pycache__" not in path}
    assert ours == wanted - left_out


def test_it_says_its_version_and_finds_its_models_from_an_empty_folder(package: Installed) -> None:
    for told in (
        package.run("-m", "attnlib", "--version"),
        package.run("--version", program="attention-microscope"),
        package.run("-c", "from importlib.metadata import version as v; n = 'attention-microscope'; print(n, v(n))"),
    ):
        assert (told.returncode, told.stdout) == (0, f"attention-microscope {attnlib.__version__}\n"), told.stderr
    listed = package.run("-m", "attnlib", "models")
    assert "demo/bert-balanced" in listed.stdout, listed.stderr


IN_A_NOTEBOOK = """
import importlib.util, json
import attnlib.paths
leaked = [name for name in ("pages", "data", "dashboard", "tests") if importlib.util.find_spec(name)]
print(json.dumps([attnlib.__file__, leaked, str(attnlib.paths.studies_root())]))
"""


def test_the_snippet_of_the_readme_runs_in_a_notebook(package: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = package.folder / "jupyter" / "kernels" / "installed" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    command = [str(package.bin / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel.write_text(json.dumps({"argv": command, "display_name": "installed", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(kernel.parents[2]))
    snippet = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)[0]
    cells = [nbformat.v4.new_code_cell(text) for text in (snippet, "attnlib.head_view(trace)", IN_A_NOTEBOOK)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(
        notebook, timeout=300, kernel_name="installed", resources={"metadata": {"path": str(package.empty)}}
    ).execute(env=package.variables)
    shown, told = (cell.outputs[0] for cell in notebook.cells[1:])
    assert shown.data["text/html"].startswith("<iframe")
    file, leaked, studies = json.loads(told.text)
    assert Path(file).is_relative_to(package.packages)
    assert leaked == []
    assert studies == str(package.home / ".local/share/attention-microscope/studies")
    assert [path.name for path in package.empty.iterdir()] == ["heads.html"]
