"""Whether a namespace has a firewall: what `nft list tables` asks, without the program."""

from __future__ import annotations

import socket
import struct

from .netns import Namespaces
from .wire import NoNamespace

NETLINK_NETFILTER, NEWTABLE, GETTABLE, DUMP = 12, 0xA00, 0xA01, 0x301  # linux/netlink.h, linux/netfilter/nf_tables.h
# struct nlmsghdr, struct nfgenmsg: all families
TABLES = struct.pack("=IHHII4x", 20, GETTABLE, DUMP, 1, 0)


def there(namespaces: Namespaces, netns: str) -> bool:
    """Whether it has a table of nftables. A kernel without nftables has none."""
    try:
        with namespaces.inside(netns):
            s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER)
        with s:
            s.send(TABLES)
            return bool(struct.unpack_from("=H", s.recv(1 << 15), 4)[0] == NEWTABLE)
    except NoNamespace:
        raise
    except OSError:  # no such protocol
        return False
