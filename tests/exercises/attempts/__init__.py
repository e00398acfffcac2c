"""Attempts at every exercise: a module for each track, in the order of `vnetlearn.exercises`."""

from __future__ import annotations

from . import bond, bridge, choice, docker, dummy, ifb, ipvlan, macvlan, macvtap, netns, nlmon, start, tun, veth, vlan
from .ways import Do, Ways

__all__ = ["WAYS", "Do", "Ways"]

_TRACKS = (start, netns, veth, bridge, dummy, vlan, bond, macvlan, macvtap, ipvlan, choice, ifb, tun, nlmon, docker)
WAYS: dict[str, Ways] = {name: ways for track in _TRACKS for name, ways in track.WAYS.items()}
