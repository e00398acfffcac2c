"""What one of the suite's workers does in one go: a pytest plugin.

xdist's own --dist loadgroup would say it with marks, but xdist 3.8 cannot name groups under pytest 9.2: every cell of a
notebook becomes a group, and half of a lesson runs in another kernel.
"""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling


class Units(LoadScopeScheduling):  # type: ignore[misc]
    """A file; of the exercises, which take longest, one test."""

    def _split_scope(self, nodeid: str) -> str:
        path, _, _ = nodeid.partition("::")
        return nodeid if path.endswith("test_exercises.py") else path


@pytest.hookimpl(optionalhook=True)  # -p no:xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Units:
    return Units(config, log)
