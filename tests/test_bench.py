"""The bench can measure all that it says, in a small form; its page has its rows; a peer that cannot run says why."""

from __future__ import annotations

import pytest

from bench import star
from bench.__main__ import SECTIONS, measured, why_not
from bench.measure import FULL, QUICK, LeftOut, Reach, Row, Section, in_turn, times
from bench.page import PAGE, names, page
from bench.star import Peer

# Two take long and do what the tests of explorers and exercises do
SHORT = [one for one in SECTIONS if not one.long and one.title not in ("Exploring", "A verdict")]


@pytest.mark.parametrize("section", SHORT, ids=[one.title for one in SHORT])
def test_a_section_measures_what_it_says(
    section: Section, monkeypatch: pytest.MonkeyPatch, tmp_path: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    found = measured(section, QUICK)
    assert {row.name for row in found} == section.rows(QUICK).keys()
    assert all(isinstance(row.found, LeftOut) or row.found >= 0 for row in found)


def test_the_page_has_the_rows_of_the_bench() -> None:
    text = PAGE.read_text()
    assert names(text) == [name for section in SECTIONS for name in section.rows(FULL)]
    assert all(section.how in text for section in SECTIONS)


def test_what_is_not_measured_says_so() -> None:
    asked = [("a sTar", False), ("", False), ("", True)]
    whys = {section.title: tuple(why_not(section, *how) for how in asked) for section in SECTIONS}
    assert whys["A star"] == ("", "", "")
    assert whys["Loading"] == ("not measured this time", "", "")
    assert whys["What takes minutes"] == ("not measured this time", "only with --all", "")
    assert {row.verdict for row in measured(SECTIONS[0], QUICK, "of a reason")} == {"left out: of a reason"}


@pytest.mark.parametrize(
    ("peer", "why"),
    [
        (Peer("star.py", "ip", programs=(("no-such-program", "its-package"),)), "its-package"),
        (Peer("star.py", "no-such-tool"), "KeyError: 'no-such-tool'"),
        (Peer("star.py", "ip", python="/nowhere/python3"), "/nowhere/python3"),
    ],
)
def test_a_peer_that_cannot_run_is_left_out_with_the_reason(
    peer: Peer, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(star, "PEERS", {star.RAW: star.PEERS[star.RAW], "Another": peer})
    rows = {row.name: row for row in measured(star.SECTIONS[0], QUICK)}
    for name in ("star of 2, Another", f"star of 2, Another against {star.RAW}"):
        assert why in rows[name].verdict
    assert isinstance(rows[f"star of 2, plain verbs on host against {star.RAW}"].found, float)


def test_ratios_are_those_of_the_same_round() -> None:
    numbers = iter([2.0, 1.0, 30.0, 10.0, 8.0, 4.0])
    took = in_turn({"ours": lambda: next(numbers), "theirs": lambda: next(numbers)}, 3)
    assert took == {"ours": [2.0, 30.0, 8.0], "theirs": [1.0, 10.0, 4.0]}
    assert times(took["ours"], took["theirs"]) == 2.0


def test_a_row_over_its_reach_says_so() -> None:
    assert [Row("", value, Reach("s", 1.0)).verdict for value in (1.0, 1.1)] == ["ok", "over"]


def test_a_page_keeps_names_and_machine() -> None:
    section = Section("Title", "How.", lambda effort: {"a | b": Reach("s")}, lambda effort: iter([("a | b", 1.0)]))
    text = page({"kernel": "Linux 6"}, [(section, measured(section, QUICK))])
    assert "- kernel: Linux 6" in text
    assert "| a \\| b | 1 |  | s |  |" in text
