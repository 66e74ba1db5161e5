"""What README, docs and errors tell a user to type is what the command line takes."""

from __future__ import annotations

import pytest

from tests.documented import PROJECT, Line, Wrong, in_code, in_documents, in_hints, in_remedies, in_text, parse

CODE = (PROJECT / "lepton", PROJECT / "flows")


@pytest.mark.parametrize("line", in_documents(), ids=str)
def test_a_documented_command_is_one_that_the_command_line_takes(line: Line) -> None:
    parse(line)


@pytest.mark.parametrize("line", in_remedies(CODE), ids=str)
def test_a_remedy_is_a_command_that_the_command_line_takes(line: Line) -> None:
    parse(line)


@pytest.mark.parametrize("line", in_hints(CODE), ids=str)
def test_a_hint_is_a_command_that_the_command_line_takes(line: Line) -> None:
    parse(line)


@pytest.mark.parametrize(
    "text",
    [
        "lepton transfer site-2 --stratgy none",
        "lepton tranfer site-2",
        "lepton data forgett --ids ids.txt",
        "lepton transfer",
        "lepton transfer site-2 --cause rain",
        "lepton snooze site-2 --hours many",
        "lepton down && lepton up --scheduled",
    ],
)
def test_a_wrong_command_is_noticed(text: str) -> None:
    with pytest.raises(Wrong):
        parse(Line("here", text))


def test_a_command_named_in_a_sentence_need_not_be_complete_but_must_not_be_wrong() -> None:
    parse(Line("here", "lepton recall", mention=True))
    with pytest.raises(Wrong):
        parse(Line("here", "lepton recall --becuase x", mention=True))


def test_explanations_and_files_that_do_not_exist_are_no_mistake() -> None:
    parse(Line("here", "lepton ingest site-2 not-there.csv --new   # a comment"))
    parse(Line("here", "lepton pretrain  (makes a base that has them)"))


def test_commands_are_found_in_blocks_and_in_sentences() -> None:
    text = "Try `lepton status`.\n\n```bash\nLEPTON_SEED=1 lepton pretrain\nls\n```\n\n```python\nlepton = 1\n```\n"
    assert [(line.text, line.mention) for line in in_text(text, "x")] == [
        ("lepton pretrain", False),
        ("lepton status", True),
    ]


def test_remedies_are_found_however_they_are_written() -> None:
    code = (
        'again = f"lepton init --from {file}"\n'
        'LeptonError("", fix=[f"lepton log {name}", "restore it", *([f"{again} --label A"] if a else [OTHER])])\n'
        'OTHER = "see it: lepton status"\n'
    )
    assert [line.text for line in in_code(code, "x")] == [
        "lepton log 2",
        "lepton init --from 2 --label A",
        "lepton status",
    ]


def test_there_is_something_to_test() -> None:
    assert len(in_documents()) > 80
    assert len(in_remedies(CODE)) > 80
    assert len(in_hints(CODE)) > 80
