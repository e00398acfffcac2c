"""Numbers of netlink attributes, in the order of the enums in the kernel's uapi headers."""

from __future__ import annotations


def enum(prefix: str, names: str) -> dict[str, int]:
    """The attributes of one enum, numbered from 0: `enum("IFLA_VRF_", "UNSPEC TABLE")["IFLA_VRF_TABLE"]` is 1."""
    return {prefix + name: number for number, name in enumerate(names.split())}
