"""iproute2's objects and verbs on one namespace of a lab; each change knows the `ip` command that does the same."""

from .addr import Addr, Addrs
from .link import Links
from .linkmsg import Link
from .neigh import Neigh, Neighs
from .route import Route, Routes
from .sysctl import Sysctl

__all__ = ["Addr", "Addrs", "Link", "Links", "Neigh", "Neighs", "Route", "Routes", "Sysctl"]
