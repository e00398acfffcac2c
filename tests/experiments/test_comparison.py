"""What the lesson on macvlan and ipvlan asserts, asked of the kernel."""

from __future__ import annotations

import json

import pytest

from vnetlearn.errors import BadParameter, NotWritten
from vnetlearn.experiments import comparison, shared_card
from vnetlearn.experiments.shared_card import HOST, MODES, THIRD

MACVLAN, IPVLAN_L2, IPVLAN_L3, _ = comparison.PLAIN


def test_the_way_to_the_parent():
    """The /32 routes decide; arp_ignore matters where ARP is done; strict filtering stops ipvlan l2 alone."""
    grid = comparison.parents(MACVLAN, IPVLAN_L2, IPVLAN_L3)
    answers = {row: [cell.ok for cell in line] for row, line in zip(grid.rows, grid.cells, strict=True)}
    assert answers == {
        f"macvlan bridge → {HOST}": [False, False, True, False, True],
        f"macvlan bridge → {THIRD}": [None, False, True, True, True],
        f"ipvlan l2 bridge → {HOST}": [False, False, True, False, False],
        f"ipvlan l2 bridge → {THIRD}": [None, False, True, True, True],
        f"ipvlan l3 bridge → {HOST}": [False, False, True, True, True],
        f"ipvlan l3 bridge → {THIRD}": [None, False, True, True, True],
    }


@pytest.mark.parametrize(
    ("mode", "reached"),
    [
        (MODES["macvlan"][2], "✓ ✓ ✓ ✓ ✓ ✗"),  # vepa with hairpin: the frame comes back, to the parent too
        (MODES["macvlan"][4], "✗ ✗ ✓ ✓ ✓ ✗"),  # private with hairpin: not even then
        (MODES["macvlan"][5], "– ✗ ✓ ✓ ✓ –"),  # passthru
        (MODES["macvlan"][6], "✗ ✗ ✓ ✗ ✗ ✗"),  # source: the neighbour alone
        (IPVLAN_L3, "✓ ✗ ✗ ✗ ✗ ✓"),
    ],
    ids=lambda value: value.name if isinstance(value, shared_card.Mode) else "",
)
def test_who_reaches_whom(mode, reached):
    row = shared_card.reach(mode, "vm")
    assert " ".join({True: "✓", False: "✗", None: "–"}[cell.ok] for cell in row.values()) == reached
    assert all(cell.reason for cell in row.values() if not cell.ok)


def test_what_the_outside_sees():
    assert len(shared_card.seen(MACVLAN, "vm").macs) == 3
    assert shared_card.seen(IPVLAN_L2, "vm").macs == ("02:00:c0:a8:00:ab",)
    assert shared_card.seen(IPVLAN_L3, "vm").heard == {"host": True, "ns1": False, "ns2": False}


def test_dhcp_needs_broadcast_answers_and_identifiers():
    grid = comparison.addresses(MACVLAN, IPVLAN_L2)
    assert [[cell.ok for cell in line] for line in grid.cells] == [
        [True, True, False, False],
        [True, True, True, False],
        [True, True, True, True],
    ]


def test_round_trips_show_themselves_as_a_figure():
    times = comparison.round_trips(IPVLAN_L3, count=20)
    assert len(times[IPVLAN_L3.name]["child"]) == 20
    assert "neighbour" not in times[IPVLAN_L3.name]
    assert times._repr_png_().startswith(b"\x89PNG")
    assert "no answer" in repr(times)


@pytest.fixture(scope="module")
def result():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison, "MODES", {"ipvlan": MODES["ipvlan"][:1]})
        return comparison.compare("ipvlan", engine="vm")


def test_all_saved_into_a_folder(result, tmp_path):
    files = {file.name for file in result.save(tmp_path)}
    assert files == {"result.json", "result.txt", "before.svg", "ipvlan.svg", "round-trips.svg"}
    saved = json.loads((tmp_path / "result.json").read_text())
    assert saved == json.loads(json.dumps(result.as_dict()))
    assert saved["reach"][0]["child ↔ child"]["ok"] is True
    assert "ipvlan l2 bridge" in (tmp_path / "result.txt").read_text()


def test_a_folder_that_cannot_be_written(result, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritten, match="no folder"):
        result.save(tmp_path / "file" / "below")


def test_a_kind_without_experiments():
    with pytest.raises(BadParameter, match="no experiments on bridge"):
        comparison.compare("macvlan", "bridge")
