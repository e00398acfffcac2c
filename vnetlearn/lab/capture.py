"""`lab.capture()`: frames of all links, and the journeys that packets made."""

from __future__ import annotations

from ..capture import capture
from ..journey.journey import Journey, follow
from ..journey.model import Where


class Capture(capture.Capture):
    __doc__ = capture.Capture.__doc__

    def journey(self, what: Where = None) -> Journey:
        """The way of one packet, or of a request and its reply; see `journey.follow`.

        Why a packet was lost is asked of the lab, as it is now; after its end only the frames, and the kernel's reports
        of that time, tell. Raises `NotFound`.
        """
        return follow(self, what)
