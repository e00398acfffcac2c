"""Each value of a link.add, and of a link.set, is checked once; what is wrong is said all the same."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from vnetlearn import KINDS, Lab
from vnetlearn.errors import BadParameter
from vnetlearn.kinds import Checked, checked, encode, kind, words
from vnetlearn.kinds.record import table
from vnetlearn.kinds.values import Choice


@dataclass(frozen=True)
class Counting(Choice):
    """A choice that remembers what it was asked to check."""

    asked: list[object] = field(default_factory=list)

    def check(self, value: object) -> str:
        self.asked.append(value)
        return super().check(value)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What a bond's mode was checked for."""
    bond = KINDS["bond"]
    mode = bond.params["mode"]
    value = Counting(mode.value.numbers)
    params = table(replace(mode, value=value), *(p for p in bond.params.values() if p is not mode))
    monkeypatch.setitem(KINDS, "bond", replace(bond, params=params))
    return value.asked


def test_once_for_a_new_link_and_once_for_a_change(asked: list[object]) -> None:
    with Lab("empty", engine="vm") as lab:
        lab.link.add("bond0", kind="bond", mode="active-backup")
        assert asked == ["active-backup"]
        lab.link.set("bond0", kind="bond", mode="802.3ad")
        assert asked == ["active-backup", "802.3ad"]
        assert lab.link["bond0"].params["mode"] == "802.3ad"
        with pytest.raises(BadParameter, match=r"ip link add … type bond mode 802\.4"):
            lab.link.add("bond1", kind="bond", mode="802.4")


def test_what_was_checked_is_taken_as_it_is(asked: list[object]) -> None:
    params = checked("bond", {"mode": "802.3ad"}, new=False)
    assert isinstance(params, Checked)
    assert words("bond", params) == ["mode", "802.3ad"]
    assert encode("bond", params, int) == [("IFLA_BOND_MODE", b"\4")]
    assert asked == ["802.3ad"]


def test_one_kinds_are_not_taken_for_anothers() -> None:
    params = checked("bond", {"mode": "802.3ad"})
    assert params.kind is kind("bond")
    with pytest.raises(BadParameter, match="mode must be one of private"):
        words("macvlan", params)
    with pytest.raises(BadParameter, match="id, the network's number, is missing"):
        encode("vxlan", checked("vxlan", {"ttl": 5}, new=False), int)
