"""What is tried at the exercises of the track `bond`."""

from __future__ import annotations

from .ways import Ways

WAYS: dict[str, Ways] = {}
