"""What is there and how it hangs together: read from the live kernel, drawn, compared, written as a script."""

from .topology import Topology

__all__ = ["Topology"]
