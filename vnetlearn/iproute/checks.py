"""Checks of the names and addresses that go into a command, before anything is sent."""

from __future__ import annotations

import ipaddress
import re
from socket import AF_INET, AF_INET6, AF_UNSPEC

from .. import texts
from ..errors import BadParameter

IFNAMSIZ = 15  # characters; linux/if.h has 16 with the closing zero


def check_name(name: str, tried: str) -> str:
    """An interface name as the kernel takes it (dev_valid_name in net/core/dev.c)."""
    why = ""
    if not isinstance(name, str) or not name:
        why = "a link needs a name"
    elif len(data := texts.encoded(name)) > IFNAMSIZ:
        why = f"{name!r} has {len(data)} bytes; a link's name has 15 at most"
    elif name in (".", "..") or re.search(rb"[/:%\s\0\xa0]", data):  # to the kernel 0xa0 is white space, also in "à"
        why = f"{name!r} has a character that a link's name cannot have: a slash, a colon, a percent sign, white space"
    elif name in ("all", "default"):
        why = f"net.ipv4.conf.{name} has its meaning already, so the kernel takes no link called {name}"
    if why:
        raise BadParameter(
            tried, f'"name" not a valid ifname: {name!r}', why, "choose a short name of letters and digits"
        )
    return name


def check_netns(name: str, tried: str) -> str:
    """A namespace's name is a file name under /run/netns (ip-netns(8))."""
    if (
        not isinstance(name, str)
        or name in ("", ".", "..")
        or re.search(r"[/\0]", name)
        or len(texts.encoded(name)) > 255
        or texts.decoded(texts.encoded(name)) != name
    ):
        raise BadParameter(
            tried,
            f"Invalid netns name {name!r}",
            "the name becomes a file name under /run/netns",
            "choose a name of letters and digits",
        )
    return name


def check_new_netns(name: str, tried: str) -> str:
    """A name for a new one."""
    if check_netns(name, tried).isdecimal():
        raise BadParameter(
            tried,
            f"Invalid netns name {name!r}",
            "`ip link set … netns NUMBER` means the namespace of the process with that number",
            f"put a letter in front: ns{name}",
        )
    return name


def network(text: str, tried: str) -> tuple[int, str, int]:
    """`address[/length]` → (AF_INET or AF_INET6, address, prefix length).

    The length is the address's own when it is not given.
    """
    try:
        value = ipaddress.ip_interface(unscoped(text))
    except ValueError as error:
        said = str(error)
    else:
        if "/" not in str(text) or str(text).split("/")[1].isdigit():
            return (AF_INET if value.version == 4 else AF_INET6), str(value.ip), value.network.prefixlen
        said = f"{text!r}: give the length as a number of bits"
    raise BadParameter(
        tried, said, f"{text!r} is not an address with a prefix length", "write it like 192.168.0.100/24"
    )


def unscoped(text: str) -> str:
    """Python would take `fe80::1%eth0`; netlink has the link apart. Raises `ValueError`."""
    if not isinstance(text, str) or "%" in text:
        raise ValueError(f"{text!r} does not appear to be an IPv4 or IPv6 address")
    return text


def address(text: str, tried: str, family: int = AF_UNSPEC) -> tuple[int, str]:
    """A plain address → (family, address); with `family` it must be of that one."""
    try:
        value = ipaddress.ip_address(unscoped(text))
    except ValueError as error:
        raise BadParameter(
            tried, str(error), f"{text!r} is not an IP address", "write it like 192.168.0.1 or fd00::1"
        ) from None
    found = AF_INET if value.version == 4 else AF_INET6
    if family not in (AF_UNSPEC, found):
        raise BadParameter(
            tried,
            f"{text} is an IPv{value.version} address",
            "the other address here is not one",
            "take both of the same family",
        )
    return found, str(value)


def mac(text: str, tried: str, *, sizes: tuple[int, ...] = (6, 8, 20)) -> str:
    """A link's address; of six bytes, but for IEEE 802.15.4 (8) and InfiniBand (20)."""
    if not re.fullmatch(r"[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2})+", str(text)) or str(text).count(":") + 1 not in sizes:
        raise BadParameter(
            tried,
            f'"{text}" is invalid lladdr.',
            "a MAC address is six pairs of hexadecimal digits",
            "write it like 02:00:00:00:00:01",
        )
    return ":".join(part.zfill(2) for part in str(text).lower().split(":"))


def number(value: object, what: str, tried: str) -> int:
    """A whole number of 32 bits."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 32:
        raise BadParameter(
            tried,
            f'argument "{value}" is wrong: invalid "{what}" value',
            f"{what} is a whole number of 32 bits",
            f"{what}=1500, for example",
        )
    return value


def one_of(value: object, names: dict[int, str], what: str, tried: str) -> int:
    """The number that a name stands for; a number (or its digits) stands for itself."""
    for code, name in names.items():
        if name == value:
            return code
    if str(value).isdigit():
        return int(str(value))
    raise BadParameter(
        tried,
        f'argument "{value}" is wrong: invalid {what}',
        f"there is no {what} {value!r}",
        "one of: " + ", ".join(names.values()) + ", or a number",
    )
