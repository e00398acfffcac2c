"""The track `bond`: several cables as one."""

from __future__ import annotations

from .record import Exercise

EXERCISES: tuple[Exercise, ...] = ()
