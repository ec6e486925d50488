"""`python -m attnlib`: what it prints, where it writes, its exit status; in this process and as a command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from attnlib.__main__ import DONE, STOPPED, WRONG, main
from attnlib.paths import PROJECT
from attnlib.study.folder import StudyFolder
from attnlib.study.results import open_study
from attnlib.study.run import run_study

ROOT = PROJECT
PAIRS = """first,second,targets
The nurse said that she,The nurse said that he,nurse
,x,y
The cook slept as she,The cook slept as he,cook
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "pairs.csv"
    path.write_text(PAIRS)
    return str(path)


def study(file: str, out: Path, *more: str) -> list[str]:
    columns = "prompt_a=first,prompt_b=second"
    return ["study", "--pairs", file, "--columns", columns, "--model", "demo/gpt2-biased", "--out", str(out), *more]


def test_the_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == DONE
    assert "demo/gpt2-biased       gpt2, 4 layers x 4 heads" in capsys.readouterr().out


def test_a_study_as_a_command(file: str, tmp_path: Path) -> None:
    """In a process of its own: lines of JSON, status 0, the same numbers as the library."""
    out, report = tmp_path / "study", tmp_path / "report.html"
    done = subprocess.run(
        [sys.executable, "-m", "attnlib", *study(file, out, "--json", "--report", str(report))],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == DONE, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["state"] for one in told] == ["running"] * (len(told) - 1) + ["done"]
    assert told[-1] == {"state": "done", "rows": 3, "pairs": 2, "models": 1, "measured": 2, "not_measured": 0}
    library = run_study(
        file, "demo/gpt2-biased", tmp_path / "other", columns={"prompt_a": "first", "prompt_b": "second"}
    )
    mine = open_study(out)
    assert (mine.values("shift").values == library.values("shift").values).all()
    assert mine.pair_table()["reason"][1].startswith("pairs.csv, line 3: prompt_a is empty")
    assert report.read_text("utf-8").startswith("<!doctype html>")


def test_it_goes_on_and_says_when_it_is_done(file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(study(file, tmp_path / "study")) == DONE
    assert "done: 2 pairs of 3 rows in 1 model are 2 measurements: 2 made." in capsys.readouterr().err
    assert main(["study", "--out", str(tmp_path / "study")]) == DONE
    assert (
        main(["study", "--pairs", "occupations", "--model", "demo/gpt2-biased", "--out", str(tmp_path / "set")])
        == DONE
    )
    assert open_study(tmp_path / "set").counts()["measured"] == 480


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--pairs", "nowhere.csv", "--model", "demo/gpt2-biased"], "nowhere.csv cannot be read"),
        (["--pairs", "FILE", "--model", "demo/none"], "demo/none"),
        (["--pairs", "FILE"], "There is no model to study"),
        (["--pairs", "FILE", "--model", "demo/gpt2-biased"], "no column prompt_a"),
        (["--pairs", "FILE", "--model", "demo/gpt2-biased", "--columns", "prompt_a"], "has no column of the file"),
        (["--pairs", "FILE", "--model", "demo/gpt2-biased", "--format", "xml"], "There is no format 'xml'"),
        (["--pairs", "FILE", "--model", "demo/gpt2-biased", "--engine", "slurm"], "There is no engine"),
        ([], "holds no study"),
    ],
)
def test_wrong_input_is_a_sentence_and_status_2(
    arguments: list[str], says: str, file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [file if one == "FILE" else one for one in arguments]
    assert main(["study", "--out", str(tmp_path / "study"), "--json", *given]) == WRONG
    captured = capsys.readouterr()
    assert says in captured.err
    assert json.loads(captured.out.splitlines()[-1])["state"] == "failed"


def test_a_stopped_study_is_status_3(file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StudyFolder, "stop_asked", lambda _: True)
    assert main(study(file, tmp_path / "study")) == STOPPED
    monkeypatch.undo()
    assert main(study(file, tmp_path / "study")) == DONE


def test_wrong_options_are_explained_by_argparse(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["study"])
    assert "--out" in capsys.readouterr().err
