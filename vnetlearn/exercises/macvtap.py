"""The track `macvtap`: a program behind a card."""

from __future__ import annotations

from .record import Exercise

EXERCISES: tuple[Exercise, ...] = ()
