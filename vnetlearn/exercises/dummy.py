"""The track `dummy`: addresses that need no card."""

from __future__ import annotations

from .record import Exercise

EXERCISES: tuple[Exercise, ...] = ()
