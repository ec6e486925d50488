"""The evidence pack: what is in the ZIP, that its hashes are those of its files, and that no name leaves it."""

import hashlib
import io
import json
import zipfile
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnlib.evidence import Exhibit, evidence_pack, file_name
from attnlib.model.loading import Model, load_model
from attnlib.model.provenance import provenance
from attnlib.version import VERSION

MADE = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("demo/gpt2-biased")


def opened(
    *exhibits: Exhibit, models: tuple[Model, ...] = (), asked: dict[str, str] | None = None
) -> dict[str, bytes]:
    """A pack's files by path."""
    about = {
        "address": "./compare?layer=0",
        "asked": asked or {},
        "models": [provenance(model, fingerprint=True) for model in models],
        "made": MADE,
    }
    pack = zipfile.ZipFile(io.BytesIO(evidence_pack("Compare prompts", exhibits, **about)))
    assert pack.testzip() is None
    return {name: pack.read(name) for name in pack.namelist()}


def test_a_pack_says_what_it_holds_and_where_that_comes_from(model: Model) -> None:
    files = opened(
        Exhibit("pictures/heads.svg", b"<svg/>", "Heads | as vectors"),
        Exhibit("state.json", b"{}", "all that is chosen"),
        models=(model,),
        asked={"Prompt A": "The `doctor`\nsaid | she"},
    )
    assert list(files) == ["README.md", "pictures/heads.svg", "state.json", "provenance.json"]
    readme = files["README.md"].decode()
    assert "# Compare prompts: evidence" in readme
    assert r"| `pictures/heads.svg` | Heads \| as vectors |" in readme
    assert "- Prompt A: `The ´doctor´ said | she`" in readme
    assert "One text, or one pair of texts, is an anecdote" in readme
    about = json.loads(files["provenance.json"])
    assert about["version"] == VERSION
    assert f"with the attention microscope {VERSION}." in readme
    assert about["made"] == "2026-11-24T12:30:00+00:00"
    assert about["address"] == "./compare?layer=0"
    assert about["models"][0]["weights_sha256"] in readme
    assert about["files"] == {
        path: hashlib.sha256(files[path]).hexdigest() for path in ("pictures/heads.svg", "state.json")
    }


def test_a_pack_of_the_same_things_is_the_same_bytes() -> None:
    packs = {
        evidence_pack("t", [Exhibit("a.csv", b"1", "")], address="", asked={}, models=[], made=MADE) for _ in range(2)
    }
    assert len(packs) == 1


def test_files_of_one_name_are_kept_apart() -> None:
    files = opened(*(Exhibit("tables/heads.csv", bytes([n]), "") for n in range(3)))
    assert [files[f"tables/heads{n}.csv"] for n in ("", "-2", "-3")] == [b"\x00", b"\x01", b"\x02"]


@given(st.text(max_size=200))
def test_a_file_name_is_plain_whatever_the_text(text: str) -> None:
    name = file_name(text)
    assert 0 < len(name) <= 80
    assert name.isascii()
    assert not set(name) & set('/\\:*?"<>| \n\0')
    assert not name.startswith(".")


def test_no_path_leads_out_of_the_pack() -> None:
    paths = ["../../etc/passwd", "/etc/passwd", "a/../../b", "C:\\x", "con\0.csv"]
    files = opened(*(Exhibit(path, b"", "") for path in paths))
    assert all(".." not in path and not path.startswith("/") and "\\" not in path for path in files)
