"""The track `tun`: a program as the other end of a link."""

from __future__ import annotations

from .record import Exercise

EXERCISES: tuple[Exercise, ...] = ()
