"""What was answered is in the log: whole records only, however the process ended, and each once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lepton.core.errors import LeptonError
from lepton.serving.journal import Journal, framed, read_segment, segments, whole_records
from lepton.serving.record import Record

RECORDS = st.lists(st.binary(max_size=40), max_size=6)


@given(RECORDS, st.data())
def test_a_log_cut_at_any_byte_reads_back_exactly_the_whole_records(records: list[bytes], data: st.DataObject) -> None:
    frames = [framed(one) for one in records]
    content = b"".join(frames)
    cut = data.draw(st.integers(0, len(content)))
    ends = [sum(map(len, frames[: n + 1])) for n in range(len(frames))]
    whole = [record for record, end in zip(records, ends, strict=True) if end <= cut]
    assert whole_records(content[:cut]) == (whole, max([0, *(end for end in ends if end <= cut)]))


@given(RECORDS, st.data())
def test_a_byte_that_was_changed_ends_the_log_before_its_record(records: list[bytes], data: st.DataObject) -> None:
    frames = [framed(one) for one in records]
    content = bytearray(b"".join(frames))
    if not content:
        return
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    found, _ = whole_records(bytes(content))
    assert found == records[: len(found)]
    assert sum(map(len, frames[: len(found)])) <= at


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.binary(max_size=30), min_size=1, max_size=5), st.integers(0, 60), st.binary(min_size=1))
def test_a_journal_goes_on_behind_the_last_whole_record(
    tmp_path_factory: pytest.TempPathFactory, records: list[bytes], cut: int, more: bytes
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    first = Journal(folder)
    first.append(records)
    first.close()
    content = first.path.read_bytes()
    kept = content[: max(0, len(content) - cut)]
    first.path.write_bytes(kept)
    whole, end = whole_records(kept)
    second = Journal(folder)
    assert (second.path, second.records, second.cut) == (first.path, whole, len(kept) - end)
    second.append([more])
    second.close()
    assert read_segment(second.path) == [*whole, more]


def test_a_segment_that_ended_is_left_alone_and_its_number_never_comes_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append([b"one"])
    ended = journal.roll()
    journal.append([b"two"])
    assert journal.closed() == [ended]
    assert (read_segment(ended), read_segment(journal.path)) == ([b"one"], [b"two"])
    numbers = {ended.name[:6], journal.path.name[:6]}
    ended.unlink()
    journal.close()
    journal.path.unlink()
    assert Journal(tmp_path).path.name[:6] not in numbers


def test_what_cannot_be_written_leaves_no_part_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path)
    journal.append([b"before"])
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, content, at: real(file, content[:7], at))  # as a full disk does
    with pytest.raises(OSError, match="full"):
        journal.append([b"lost"])
    monkeypatch.setattr(os, "pwrite", real)
    journal.append([b"after"])
    assert read_segment(journal.path) == [b"before", b"after"]


def test_a_full_disk_is_an_error(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    journal = Journal(tmp_path)
    os.dup2(os.open("/dev/full", os.O_WRONLY), journal._file)
    with pytest.raises(OSError):  # noqa: PT011 (which one is the system's business)
        journal.append([b"lost"])


WRITER = """
import sys
from pathlib import Path
from lepton.serving.journal import Journal
journal, number = Journal(Path(sys.argv[1])), int(sys.argv[2])
while True:
    journal.append([b"%d" % number, b"x" * 5000])
    sys.stdout.write(f"{number}\\n")   # the answer leaves when it is in the log
    sys.stdout.flush()
    number += 1
"""


def test_what_was_answered_before_a_kill_is_in_the_log_once(tmp_path: Path) -> None:
    answered: list[int] = []
    for _ in range(3):
        start = answered[-1] + 1_000 if answered else 0
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(start)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(30)]
        os.kill(child.pid, signal.SIGKILL)
        rest = child.stdout.read()
        child.wait()
        answered += [int(line) for line in (b"".join(said) + rest).splitlines() if line]
    (path,) = segments(tmp_path)
    logged = [int(one) for one in read_segment(path) if not one.startswith(b"x")]
    assert len(logged) == len(set(logged))
    assert set(answered) <= set(logged)
    assert len(logged) - len(answered) <= 3  # a kill between the log and the answer, each time


def test_a_record_says_what_it_said() -> None:
    record = Record("ab-1", "2026-11-30T00:00:00+00:00", "m v1", "d", False, {"a": [1.5, None]}, ["x", "y"], [0.5, 1.0])
    assert Record.from_bytes(record.to_bytes()) == record
    assert record.ids == ["ab-1-1", "ab-1-2"]
    for content in (b"", b"[]", b"{}", record.to_bytes().replace(b"[0.5,1.0]", b"[0.5]")):
        with pytest.raises(LeptonError):
            Record.from_bytes(content)
