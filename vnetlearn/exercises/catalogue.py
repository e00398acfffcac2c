"""All exercises, in the order in which they are best done: `exercise(name)` gives one to be tried."""

from __future__ import annotations

from ..errors import UnknownExercise, close_to, did_you_mean
from .panel import ShownAttempt
from .record import Exercise
from .tracks import (
    bond,
    bridge,
    choice,
    docker,
    dummy,
    ifb,
    ipvlan,
    macvlan,
    macvtap,
    netns,
    nlmon,
    start,
    tun,
    veth,
    vlan,
)

_TRACKS = (start, netns, veth, bridge, dummy, vlan, bond, macvlan, macvtap, ipvlan, choice, ifb, tun, nlmon, docker)
EXERCISES: dict[str, Exercise] = {one.name: one for track in _TRACKS for one in track.EXERCISES}
"""All exercises by name."""


def exercise(name: str, *, engine: str | None = None) -> ShownAttempt:
    """One exercise, to be tried: `ex.start()`, `ex.check()`, `ex.hint()`, `ex.solution()`, `ex.reset()`.

    `engine` is that of its lab, as for `Lab`. Raises `UnknownExercise`, with the names that come close.
    """
    if name not in EXERCISES:
        words = str(name).split("/")[-1]
        ends = {one.split("/")[1]: one for one in EXERCISES}
        close = [*close_to(str(name), EXERCISES), *(ends[end] for end in close_to(words, ends))]
        raise UnknownExercise(
            f"exercise({name!r})",
            f"there is no exercise {str(name)!r}",
            "a name is that of its track and a few words",
            did_you_mean(close, "one of: " + ", ".join(EXERCISES)),
        )
    return ShownAttempt(EXERCISES[name], engine)
