"""The records of all kinds, with their scenes, in modules by what they are learned with.

A record's `family` is what a picture draws; several families are in one module, and tunnels in three.
"""

from __future__ import annotations

# Families whose links are no cards, cables or radios of their own
VIRTUAL = frozenset({"sharing a card", "tagging", "bridge-like", "redundancy", "routing", "tunnel", "traffic control"})
