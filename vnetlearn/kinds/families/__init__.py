"""The records of all kinds, one module for each few families, with the scene beside the facts."""

from __future__ import annotations

# Families whose links are no cards, cables or radios of their own
VIRTUAL = frozenset({"sharing a card", "tagging", "bridge-like", "redundancy", "routing", "tunnel", "traffic control"})
