"""The lab itself, and what a learner does in it: ping, panel, cell magics, the choice of its engine."""

from .lab import Lab, Node

__all__ = ["Lab", "Node"]
