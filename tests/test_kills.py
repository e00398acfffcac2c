"""Whenever an owner is killed, nothing of its labs is left. `scripts/hammer kills` does it some hundred times more."""

from __future__ import annotations

import random

from kills import kill

KILLS = {"host": 5, "vm": 3}
PATIENCE = 20.0  # seconds; usually it is all gone after a tenth of one


def test_nothing_is_left_of_killed_owners(engine):
    *_, killed = kill(engine, KILLS[engine], random.randrange(1 << 32), PATIENCE)
    print(killed)
    assert not killed.left, killed
