"""What is believed of a candidate: how pieces of evidence add up, and what of a transfer they are taken from."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepton.core.config.settings import TransferConfig
from lepton.core.decisions.belief import Belief, Paired, Piece, believe
from lepton.core.decisions.gate import Finding
from lepton.transfer.conviction import belief_in
from lepton.transfer.judgement import Judgement, Rivals, judge
from lepton.transfer.search import Found, Ground, search
from tests.unit.factories import base
from tests.unit.test_candidates import turned

RECORD = (1.0, 4.0, "what probe gained on record")
counts = st.integers(0, 200)


@given(counts, counts, counts, st.floats(-20, 20), st.floats(0, 30))
def test_pieces_add_up_and_labels_only_make_it_surer(w: int, k: int, same: int, mean: float, sd: float) -> None:
    before = believe("base", (mean, sd, "record"))
    after = believe("base", (mean, sd, "record"), (), Paired(w, k, w + k + same))
    assert sum(piece.points for piece in after.pieces) == pytest.approx(after.gain, abs=1e-6)
    assert after.sd <= before.sd + 1e-12
    assert 0 <= after.chance <= 1
    low, high = after.interval
    assert low <= after.gain <= high


@given(counts, counts, counts)
def test_a_row_won_speaks_for_it_as_a_row_lost_speaks_against_it(w: int, k: int, same: int) -> None:
    rows = w + k + same
    for_it = believe("base", (0.0, 5.0, "record"), (), Paired(w, k, rows))
    against_it = believe("base", (0.0, 5.0, "record"), (), Paired(k, w, rows))
    assert for_it.gain == pytest.approx(-against_it.gain, abs=1e-9)
    assert (for_it.chance > 0.5) == (w > k) or w == k or not rows


def test_many_labels_outweigh_the_record() -> None:
    told = believe("base", (10.0, 3.0, "record"), (), Paired(40, 240, 2000))
    assert told.gain == pytest.approx(-10, abs=2)
    assert told.chance < 0.01


def test_rows_that_never_differ_do_not_prove_that_none_ever_would() -> None:
    assert believe("base", RECORD, (), Paired(0, 0, 10)).sd > 3


def test_the_line_says_chance_gain_and_what_each_piece_contributed() -> None:
    told = believe("base", RECORD, (Piece("scores", 0.5, "9 scores that need no label"),), Paired(8, 2, 40))
    line = told.summary()
    assert "% likely better than the base, by +" in line
    assert line.endswith("by 40 labelled rows")
    for words in ("+1.0 by what probe gained on record", "+0.5 by 9 scores that need no label"):
        assert words in line
    assert believe("base", (50.0, 0.1, "record")).summary().startswith("99 %")


def test_it_is_read_from_json_as_it_was_written() -> None:
    told = believe("champion", RECORD, (), Paired(8, 2, 40))
    assert Belief.from_json(json.loads(json.dumps(told.to_json()))) == told


@pytest.fixture(scope="module")
def ground() -> Ground:
    config = TransferConfig(strategies=("probe",), combine=False)
    return Ground(base("image"), turned(45, 2), turned(60, 3), config)


@pytest.fixture(scope="module")
def found(ground: Ground) -> Found:
    return search(ground)


@pytest.fixture(scope="module")
def judged(ground: Ground, found: Found) -> Judgement:
    return judge(ground, [place.label for place in found.ranking], found.candidates, Rivals(base("image")))


def test_of_a_transfer_it_weighs_the_record_and_the_labels_of_the_verdict(
    ground: Ground, found: Found, judged: Judgement
) -> None:
    winner = found.candidates[judged.winner]
    told = belief_in(winner, found.plan, judged.verdict, ground, Rivals(base("image")))
    assert told is not None
    step = next(step for step in found.plan.steps if step.strategy == judged.winner)
    assert [piece.source for piece in told.pieces] == ["record", "labels"]
    assert told.pieces[0].points == step.gain
    assert told.chance > 0.9  # upside-down images, on which a probe gains a lot


def test_nothing_is_believed_of_the_base_against_itself(ground: Ground, found: Found, judged: Judgement) -> None:
    assert belief_in(found.candidates["none"], found.plan, judged.verdict, ground, Rivals(base("image"))) is None


def test_no_record_knows_of_a_gain_over_a_champion(ground: Ground, found: Found, judged: Judgement) -> None:
    champion = found.candidates["none"].model.replace()
    champion.temperature *= 2
    told = belief_in(
        found.candidates[judged.winner], found.plan, judged.verdict, ground, Rivals(base("image"), champion)
    )
    assert told is not None
    assert told.against == "champion"
    assert told.pieces[0].points == 0
    assert told.pieces[1].what == f"{len(ground.held_out)} labelled rows"


def test_scores_are_worth_on_tables_what_they_were_on_record(ground: Ground, found: Found, judged: Judgement) -> None:
    def with_findings(kind: str, says: str) -> Belief:
        findings = tuple(Finding(name, says, 1.0, 0.5) for name in "abcdef")  # type: ignore[arg-type]
        plan = replace(found.plan, signals=replace(found.plan.signals, kind=kind, labels=10, classes=10))
        at = replace(judged.verdict, findings=findings)
        told = belief_in(found.candidates[judged.winner], plan, at, ground, Rivals(base("image")))
        assert told is not None
        return told

    spoken, warned, image = (
        with_findings(*how) for how in (("tabular", "for"), ("tabular", "against"), ("image", "for"))
    )
    assert spoken.pieces[1].source == "scores"
    assert spoken.pieces[1].points > 0 > warned.pieces[1].points
    assert spoken.gain > warned.gain
    assert np.isclose(sum(p.points for p in warned.pieces), warned.gain)
    assert [piece.source for piece in image.pieces] == ["record", "labels"]
