"""Two kinds beside one another: a mode is chosen, its lab is made anew, and its row of the grid is another one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from labs import lesson, under

from vnetlearn import explore_compare
from vnetlearn.errors import BadParameter
from vnetlearn.experiments.versus import Versus


@pytest.fixture(scope="module")
def versus() -> Iterator[Versus]:
    both = explore_compare("macvlan", "ipvlan", engine="vm")
    assert both.wait(120)
    yield both
    both.close()


def test_both_modes_are_seen(versus: Versus) -> None:
    assert versus.error is None
    assert versus.grid.rows == ["macvlan bridge", "ipvlan l2 bridge"]
    assert [cell.ok for cell in versus.grid.cells[0]][:3] == [True, False, True]
    assert "no ARP answer" in repr(versus)
    assert all(side.lab.alive and "eth0" in side.picture.dot for side in versus.sides)


def test_a_mode_that_is_chosen_colours_the_grid_anew(versus: Versus) -> None:
    before, other = versus._grid.value, versus.sides[1].lab
    versus.choose(0, "macvlan private")
    assert versus.wait(120)
    assert versus.grid.cells[0][0].ok is False  # children do not reach each other
    assert versus._grid.value != before
    assert versus.sides[1].lab is other  # the other side stays as it is
    assert "private" in versus.sides[0].picture.dot


def test_a_mode_with_one_child(versus: Versus) -> None:
    versus.choose(0, "macvlan passthru")
    assert versus.wait(120)
    assert versus.grid.cells[0][0].ok is None
    assert "one child" in versus.still()


def test_a_lab_that_died_is_made_anew_by_the_next_choice(versus: Versus) -> None:
    versus.sides[0].lab.close()
    versus.choose(0, "macvlan vepa")
    assert versus.wait(120)
    assert versus.error is None
    assert versus.sides[0].lab.alive


def test_kinds_without_experiments() -> None:
    with pytest.raises(BadParameter) as error:
        explore_compare("macvlan", "vxlan")
    lesson(error.value)


def test_nothing_is_left() -> None:
    before = len(under())
    both = explore_compare(engine="vm")
    both.close()
    both.close()
    assert len(under()) == before
