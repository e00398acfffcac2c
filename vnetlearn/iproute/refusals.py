"""What the kernel most likely means by an error number, said for the command that met it."""

# Tables of data, set as they read best:
# fmt: off

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from ..engine.channel import AgentRefused
from ..errors import KernelRefused

# (start of the command after `ip`, error, why, what to do next); the first row that fits is taken.
REASONS: tuple[tuple[str, int, str, str], ...] = (
    ("link add", errno.EEXIST, "a link of this name is in this namespace already, or another link of the same kind has"
     " the same settings (parent, id, addresses)",
     "ip link show; then choose another name or `ip link delete` the old one"),
    ("link add", errno.EOPNOTSUPP, "this kernel has no such device type, or cannot make it this way",
     "vnetlearn kinds shows what each engine can make; Lab(engine='vm') brings a kernel that has nearly all"),
    ("link add", errno.ENOTCONN, "the other end of a pair cannot be up before this one is there",
     "leave out up for the peer, and set it up when both are made"),
    ("link add", errno.ENODEV, "the lower device, or the hardware behind it, is not there",
     "ip link show lists what this namespace has"),
    ("link", errno.EBUSY, "the device is in use in another way: a parent that has a macvlan cannot carry an ipvlan, a"
     " bridge port has one master, a link in mode passthru takes its parent alone",
     "ip -d link show tells who uses the parent; delete those first, or choose another parent"),
    ("link", errno.EINVAL, "a value does not fit this kind of device, or it is not allowed in its present state",
     "ip link help KIND shows the syntax; ip -d link show the present values"),
    ("link set", errno.EEXIST, "a link of that name is in that namespace already",
     "give it another name: link.set(…, name=…)"),
    ("link", errno.ERANGE, "a number is outside of what the kernel takes", "ip link help KIND shows the limits"),
    ("link", errno.EOPNOTSUPP, "this device cannot do that", "ip -d link show tells what it is"),
    ("link", errno.EADDRNOTAVAIL, "that MAC address cannot be an interface's (all zero, or a multicast address)",
     "take one that starts with 02"),
    ("addr add", errno.EEXIST, "this address is on the interface already", "ip addr show"),
    ("addr delete", errno.EADDRNOTAVAIL, "the interface does not have this address", "ip addr show"),
    ("addr add", errno.EINVAL, "a part of it does not fit: preferred_lft longer than valid_lft, an address that no"
     " interface can have", "ip addr help"),
    ("addr add", errno.EACCES, "IPv6 is switched off on this interface", "sysctl net.ipv6.conf.DEV.disable_ipv6"),
    ("route", errno.EEXIST, "a route to this destination with the same metric exists",
     "use route.replace, another metric=, or delete the old one"),
    ("route get", errno.ENETUNREACH, "no route leads there", "ip route show"),
    ("route", errno.ENODEV, "a route needs a gateway (via) or an interface (dev)", "ip route help"),
    ("route", errno.ENETUNREACH, "the gateway is not on a network that an interface of this namespace is in, or that"
     " interface is down",
     "ip addr show; ip link show; give the interface an address in the gateway's network and set it up"),
    ("route", errno.ENETDOWN, "the interface is down", "link.set(DEV, up=True) first"),
    ("route get", errno.EHOSTUNREACH, "no route leads there", "ip route show"),
    ("route", errno.EHOSTUNREACH, "the gateway cannot be reached over that interface", "ip route show"),
    ("route delete", errno.ESRCH, "there is no such route", "ip route show table all"),
    ("route", errno.EINVAL, "a part of the route does not fit: bits set behind the prefix length, or a gateway that is"
     " one's own address", "ip route help"),
    ("netns add", errno.EEXIST, "a namespace of this name exists", "lab.netns.show(); then choose another name, or"
     " delete the old one"),
    ("neigh", errno.ENOENT, "there is no such neighbour", "ip neigh show"),
    ("neigh", errno.EINVAL, "a value does not fit", "ip neigh help"),
    ("netns add", errno.ENOSPC, "there are as many network namespaces as this computer allows",
     "sysctl user.max_net_namespaces; delete namespaces, close labs that are not needed"),
    ("", errno.EMFILE, "the lab's agent has as many files open as it may: captures, panels and programs need some",
     "close those that are not needed; `ulimit -n` shows the limit for a new lab"),
    ("", errno.ENFILE, "the lab's kernel has as many files open as it may", "cat /proc/sys/fs/file-nr"),
    ("", errno.ENOMEM, "the lab's kernel has no memory for it", "free -h; delete what is not needed"),
    ("", errno.ENOBUFS, "the lab's kernel has no memory for it", "free -h; delete what is not needed"),
    ("", errno.ENOSPC, "the lab's kernel has no more room for such things, or a file system is full", "df -h"),
    ("", errno.EPERM, "the lab may not do this", "vnetlearn doctor tells what this machine allows"),
    ("", errno.ENODEV, "there is no such device in this namespace", "ip link show"),
)


@contextlib.contextmanager
def explained(tried: str) -> Iterator[None]:
    """What the agent refused within the block, as `KernelRefused`."""
    try:
        yield
    except AgentRefused as error:
        raise explain(tried, tried.split()[1:], error.errno or 0, "") from None


def explain(tried: str, words: list[str], number: int, extack: str) -> KernelRefused:
    """The error to raise for `words` (after `ip`) that the kernel refused with `number`."""
    command = " ".join(words)
    for start, code, why, next_step in REASONS:
        if code == number and command.startswith(start):
            return KernelRefused(tried, number, extack, why, next_step)
    return KernelRefused(tried, number, extack, "the kernel says no more than that", f"ip {' '.join(words[:1])} help")
