"""The command line: `python -m attnlib` with `dashboard` (also as `attention-microscope`), `models` or `study`."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attnlib.errors import InputError
from attnlib.launch import open_dashboard
from attnlib.model.sources import demo_models
from attnlib.model.weight_files import read_json
from attnlib.paths import DEMO_FOLDER
from attnlib.version import VERSION

if TYPE_CHECKING:
    from attnlib.progress import Progress
    from attnlib.study.results import Study

DONE, WRONG, STOPPED = 0, 2, 3  # exit codes
OPENS = "Open the dashboard in a browser. Ctrl+C stops it."
SAYS_VERSION: dict[str, Any] = {"action": "version", "version": f"attention-microscope {VERSION}"}


def microscope() -> int:
    """The command `attention-microscope`: opens the dashboard."""
    parser = argparse.ArgumentParser(
        prog="attention-microscope", description=OPENS, epilog="Other commands: python -m attnlib --help"
    )
    _dashboard_options(parser)
    return _run(parser.parse_args())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns 0 when it is done, 2 for wrong input, 3 for a study that was stopped."""
    chosen = _parser().parse_args(arguments)
    chosen.own_process = arguments is None
    return _run(chosen)


def _run(chosen: argparse.Namespace) -> int:
    try:
        return chosen.run(chosen)
    except KeyboardInterrupt:
        return STOPPED
    except InputError as error:
        if getattr(chosen, "json", False):
            print(json.dumps({"state": "failed", "message": str(error)}), flush=True)
        print(error, file=sys.stderr)
        return WRONG


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m attnlib", description=__doc__)
    parser.add_argument("--version", **SAYS_VERSION)
    commands = parser.add_subparsers(dest="command", required=True)
    _dashboard_options(commands.add_parser("dashboard", help="open the dashboard", description=OPENS))
    commands.add_parser("models", help="list the demo models").set_defaults(run=_models)
    study = commands.add_parser(
        "study",
        help="measure many prompt pairs",
        description="Measure every pair in every model. The same command, or --out alone, resumes a study that was "
        "stopped or killed. Exit status: 0 done, 2 wrong input, 3 stopped.",
    )
    study.set_defaults(run=_study)
    study.add_argument("--out", required=True, help="the study's folder")
    study.add_argument(
        "--pairs", help="a file (see --format) or a built-in set; if left out, the study in --out is resumed"
    )
    study.add_argument(
        "--format", default="csv", help="csv (also Parquet), winogender, winobias, crows-pairs, stereoset"
    )
    study.add_argument(
        "--columns", default="", help="which columns of the file are ours: prompt_a=first,prompt_b=second"
    )
    study.add_argument(
        "--unit", default="", help="which pairs belong together: a column, “same targets”, …, or “every pair”"
    )
    study.add_argument(
        "--model", action="append", default=[], help="demo/NAME, a hub id or a folder; may be repeated"
    )
    study.add_argument(
        "--effects", action="store_true", help="also causal effects of every head (pairs with candidates)"
    )
    study.add_argument(
        "--scores",
        action="store_true",
        help="also how likely a masked model finds the prompts (always measured for causal models)",
    )
    study.add_argument("--engine", default="local", help="local, or ray: the cluster of RAY_ADDRESS")
    study.add_argument("--workers", type=int, help="model actors on the cluster (default: one per GPU, or per core)")
    study.add_argument(
        "--queue",
        action="store_true",
        help="wait while as many studies beside this one are measured as may be at once (ATTNLIB_STUDIES_AT_ONCE)",
    )
    study.add_argument("--report", help="also write the report (HTML) of a finished study to this file")
    study.add_argument("--json", action="store_true", help="print progress as JSON lines")
    return parser


def _dashboard_options(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_dashboard)
    parser.add_argument("--version", **SAYS_VERSION)
    parser.add_argument("--port", type=_port, help="where it answers; if left out, 8501 or the next that is free")
    parser.add_argument(
        "--no-browser", "--headless", dest="headless", action="store_true", help="print the address, open no browser"
    )
    parser.add_argument("streamlit", nargs="*", metavar="-- OPTION", help="options of `streamlit run`, after --")


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port. Give a number from 1 to 65535.")
    return int(text)


def _dashboard(chosen: argparse.Namespace) -> int:
    port = [f"--server.port={chosen.port}"] if chosen.port else []
    headless = ["--server.headless=true"] if chosen.headless else []
    open_dashboard([*port, *headless, *chosen.streamlit])
    return DONE


def _models(_: argparse.Namespace) -> int:
    for name in demo_models():
        print(f"{name:22} {_describe(read_json(name, DEMO_FOLDER / name.removeprefix('demo/') / 'config.json'))}")
    return DONE


def _describe(config: dict) -> str:
    layers = config.get("n_layer") or config.get("num_hidden_layers")
    heads = config.get("n_head") or config.get("num_attention_heads")
    return f"{config['model_type']}, {layers} layers x {heads} heads"


def _study(chosen: argparse.Namespace) -> int:
    from attnlib.study.folder import StudyFolder
    from attnlib.study.process import own_process

    folder = StudyFolder(Path(chosen.out).resolve())
    with own_process(folder, chosen.queue, chosen.own_process) as mine:
        study = _measured(chosen) if mine else None
    if study is None:
        return STOPPED
    state = "done" if study.complete else "stopped"
    counts = study.counts()
    if chosen.json:
        print(json.dumps({"state": state, **counts}), flush=True)
    else:
        from attnlib.study.words import counts_in_words

        print(f"\n{state}: {counts_in_words(counts)}", file=sys.stderr)
        for sentence in _findings(study):
            print(sentence, file=sys.stderr)
    if chosen.report and study.complete:
        from attnlib.study.report import write_report

        write_report(study, chosen.report)
    return DONE if study.complete else STOPPED


def _measured(chosen: argparse.Namespace) -> "Study":
    from attnlib.study.run import run_study

    return run_study(
        chosen.pairs,
        chosen.model,
        chosen.out,
        engine=chosen.engine,
        format=chosen.format,
        columns=_columns(chosen.columns),
        effects=chosen.effects,
        scores=chosen.scores,
        unit=chosen.unit,
        workers=chosen.workers,
        progress=_Telling(chosen.json),
    )


def _findings(study: "Study") -> list[str]:
    """What the study shows by its first statistic, in each model."""
    from attnlib.study.findings import study_finding

    name = next(iter(study.statistics), None)
    if name is None:
        return []
    return [
        f"{model}: {study_finding(study, name, model, None, study.summary(name, model))}" for model in study.models
    ]


def _columns(text: str) -> dict[str, str] | None:
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    for part, mark, theirs in pairs:
        if not mark or not theirs.strip():
            raise InputError(f"--columns: {part!r} has no column of the file. Write prompt_a=first,prompt_b=second.")
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs} or None


class _Telling:
    """Progress for a person (one line that is written over) or a program (a line now and then)."""

    def __init__(self, as_json: bool) -> None:
        self.as_json, self.last = as_json, 0.0
        self.between = 0.5 if as_json or sys.stderr.isatty() else 10.0  # seconds; a log wants few lines

    def __call__(self, told: "Progress") -> None:
        if told.seconds - self.last < self.between:
            return
        self.last = told.seconds
        if self.as_json:
            print(json.dumps({"state": "running", **told._asdict()}), flush=True)
            return
        from attnlib.wording import duration

        left = "" if told.left is None else f", {duration(told.left)} left for this model"
        end = "   " if sys.stderr.isatty() else "\n"
        start = "\r" if sys.stderr.isatty() else ""
        line = f"{start}{told.done:,} of {told.total:,} measurements ({told.model}){left}"
        print(line, end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
