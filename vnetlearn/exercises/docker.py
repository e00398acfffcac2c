"""The track `docker`: the default network of containers, and what breaks it."""

from __future__ import annotations

from .record import Exercise

EXERCISES: tuple[Exercise, ...] = ()
