"""`lab.capture()`: frames of all links, and the journeys that packets made."""

from __future__ import annotations

from typing import Any

from ..capture import capture
from ..journey.journey import Journey, follow


class Capture(capture.Capture):
    __doc__ = capture.Capture.__doc__

    def journey(self, what: Any = None) -> Journey:
        """The way of one packet, or of a request and its reply; see `journey.follow`. Raises `NotFound`."""
        return follow(self, what)
