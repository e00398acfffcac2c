"""Work beside what is tried, so that the machine has more to do than it can."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from vnetlearn.engine.process import spawn

BUSY = "while True: pass"


@contextlib.contextmanager
def load(processes: int) -> Iterator[None]:
    """So many processes that do nothing but take a core each. They end with this one, also when it is killed."""
    busy = [spawn([sys.executable, "-I", "-S", "-c", BUSY]) for _ in range(processes)]
    try:
        yield
    finally:
        for one in busy:
            one.kill()
            one.wait()


def cores() -> int:
    return len(os.sched_getaffinity(0))
