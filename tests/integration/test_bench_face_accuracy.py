"""``./dev bench face-accuracy`` from the command line, on pictures of the drill's two people and one of nobody."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from assets.build_models import ensure
from drivers.contracts import Image
from tests.bench import face_accuracy
from tests.bench.face_describers import CARD_SIZE, ENGINES, Form, ReferenceMaker, make_describer, score
from tests.bench.face_scores import PROBE, Describing

PORTRAITS = Path(__file__).parents[2] / "assets" / "drill"
NAMES = ("person-a", "person-b")


def portrait(name: str) -> Image:
    return np.asarray(cv2.imread(str(PORTRAITS / f"{name}.jpg")), np.uint8)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    for name in NAMES:
        cv2.imwrite(str(tmp_path / f"{name}.png"), portrait(name))
        cv2.imwrite(str(tmp_path / f"{name}-darker.png"), portrait(name) // 4 * 3)
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((120, 120, 3), 90, np.uint8))
    file = tmp_path / "drill.csv"
    file.write_text(
        "a,b,label\n"
        "person-a.png,person-a-darker.png,same\n"
        "person-b.png,person-b-darker.png,same\n"
        "person-a.png,person-b.png,different\n"
        "wall.png,person-b.png,different\n"
    )
    return file


def test_a_run_reports_what_so_few_pairs_can_show(pairs: Path, tmp_path: Path, capsys) -> None:
    second = pairs.with_name("second.csv")
    second.write_bytes(pairs.read_bytes())
    report = tmp_path / "report"
    arguments = ["--pairs", str(pairs), "--pairs", str(second), "--report", str(report), "--fmr", "0.01"]
    assert face_accuracy.main(arguments) == 0
    said = capsys.readouterr().out
    assert "| onnx | 102x126, 1 KB JPEG 2000 | 2 + 1 | 1 | 0.00 %" in said, "one pair without a face, counted apart"
    assert "no threshold. 1 impostor pairs cannot show this rate" in said
    assert said.count("it takes 300.") == len(Form), "for the first list only"
    assert "### At the thresholds of drill" in said
    names = {path.name for path in report.iterdir()}
    plots = {
        f"{name}-{plot}.{end}" for name in ("drill", "second") for plot in ("det", "scores") for end in ("png", "svg")
    }
    assert names == {"report.md", "scores.csv"} | plots
    assert all((report / name).stat().st_size > 1000 for name in plots)
    rows = list(csv.DictReader((report / "scores.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 2 * len(Form) * 4
    assert [row["score"] for row in rows if row["pair"] == "4"] == [""] * 2 * len(Form)
    assert all(float(row["score"]) > 0.8 for row in rows if row["label"] == "same" and row["reference"] == "full")
    for path in report.iterdir():
        assert b"person-" not in path.read_bytes(), "names of pictures are names of people"


def test_faults_of_all_kinds_end_with_2_and_name_the_line(pairs: Path, capsys) -> None:
    with pairs.open("a") as file:
        file.write("gone.png,wall.png,same\n")
    assert face_accuracy.main(["--pairs", str(pairs)]) == 2
    assert "drill.csv, line 6: gone.png: cannot be read" in capsys.readouterr().err
    assert face_accuracy.main(["--pairs", str(pairs.with_name("other.csv"))]) == 2


def test_two_lists_of_one_name_are_refused(pairs: Path, tmp_path: Path, capsys) -> None:
    pairs.write_text("a,b,label\nwall.png,person-a.png,different\nperson-a.png,person-a.png,same\n")
    assert face_accuracy.main(["--pairs", str(pairs), "--pairs", str(pairs)]) == 2
    assert "a file name of its own" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--pairs", "x.csv", "--fmr", "0"],
        ["--pairs", "x.csv", "--fmr", "nan"],
        ["--pairs", "x.csv", "--engine", "x"],
    ],
)
def test_a_wrong_command_line_is_explained(arguments: list[str], capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        face_accuracy.main(arguments)
    assert caught.value.code == 2
    assert "usage: ./dev bench face-accuracy" in capsys.readouterr().err


def test_a_picture_is_described_once_for_everything_it_is_needed_for(pairs: Path) -> None:
    describing = Describing(["onnx"], ensure())
    _, found = describing.describe((pairs.with_name("person-a.png"), frozenset({*Form, PROBE})))
    assert set(found["onnx"]) == {*Form, PROBE}
    assert all(vector is not None for vector in found["onnx"].values())


@pytest.mark.parametrize("name", NAMES)
def test_reference_photos_have_the_size_and_the_weight_of_a_cards(name: str) -> None:
    maker = ReferenceMaker(ensure())
    picture = portrait(name)
    card, squeezed = maker.make(picture, Form.CARD), maker.make(picture, Form.CARD_1KB)
    assert card is not None
    assert squeezed is not None
    assert card.shape == squeezed.shape == (CARD_SIZE[1], CARD_SIZE[0], 3)
    assert 2 < np.abs(card.astype(int) - squeezed).mean() < 20, "squeezed, and still the same picture"
    white = maker.make(picture, Form.WHITE_1KB)
    assert white is not None
    assert white[:20, :15].min() > 200, "nothing of the room"
    assert maker.make(picture, Form.FULL) is picture
    assert maker.make(np.zeros((90, 90, 3), np.uint8), Form.CARD) is None


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_scores_the_same_person_higher(engine: str) -> None:
    describer = make_describer(engine, ensure())
    references = [describer.reference(portrait(name)) for name in NAMES]
    probes = [describer.probe(portrait(name) // 4 * 3) for name in NAMES]
    same = [score(engine, *both) for both in zip(references, probes, strict=True)]
    other = [score(engine, *both) for both in zip(references, probes[::-1], strict=True)]
    assert min(same) > max(other)
    assert describer.probe(np.zeros((90, 90, 3), np.uint8)) is None
