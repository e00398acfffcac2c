"""The transcript is a shell script of what was done: run by the real `ip` in a second lab, it makes the same there.

Random labs are built through the Python verbs. What the kernel refuses, or the verbs, changes nothing and leaves no
trace; the rest is run again from `lab.transcript`, and both kernels' dumps agree.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from labs import draws, eventually
from random_changes import YES_OR_NO, Draw, begin, change, differences, through

from vnetlearn import WORLDS, Lab


def test_the_real_ip_makes_the_same_from_the_transcript(engine: str) -> None:
    @settings(max_examples=draws(6), deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    @given(st.data())
    def same(data: st.DataObject) -> None:
        with Lab("empty", engine=engine) as ours, Lab("empty", engine=engine) as theirs:
            begin(ours)
            draw = Draw(data)
            for _ in range(25):
                change(draw, ours)
            if draw(YES_OR_NO):  # last: the kernel removes a namespace's links in the background
                ours.netns.delete("red")
            theirs.run(ours.transcript, quiet=True)
            assert eventually(lambda: not differences(ours, theirs)), differences(ours, theirs)

    through(same)


@pytest.mark.parametrize("name", [name for name in WORLDS if name != "empty"])
def test_a_world_is_made_again_in_an_empty_lab(engine: str, name: str) -> None:
    with Lab(name, engine=engine) as ours, Lab("empty", engine=engine) as theirs:
        theirs.run(ours.transcript, quiet=True, check=True)
        assert eventually(lambda: not differences(ours, theirs)), differences(ours, theirs)
