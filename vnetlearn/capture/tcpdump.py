"""Frames in tcpdump's words: the real one reads them.

It reads beside the notebook, as dot draws there: at full speed, and also when the lab is over.
"""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..errors import BadParameter, Shortage, ToolMissing
from .frames import Frame
from .linktypes import CAN, NETLINK

HEADER, RECORD = struct.Struct("=IHHiIII"), struct.Struct("=IIII")  # pcap-savefile(5), with nanoseconds
SNAP = 1 << 18
OPTIONS = ["-n", "-e", "-t", "--number", "-r", "-"]
LINE = re.compile(r" *(\d+)  (.*)")
CAN_FLAGS, NETLINK_AT = 0x1FFFFFFF, 16


def told(frames: Sequence[Frame]) -> list[str]:
    """A line for each frame: `tcpdump -n -e`. Raises `ToolMissing`."""
    said: dict[int, str] = {}
    for kind in dict.fromkeys(frame.linktype for frame in frames):
        some = [frame for frame in frames if frame.linktype == kind]
        lines = [OWN_WORDS[kind](frame.data) for frame in some] if kind in OWN_WORDS else _lines(kind, some)
        said.update({frame.number: line for frame, line in zip(some, lines, strict=True)})
    return [said[frame.number] for frame in frames]


def numbers(frames: Sequence[Frame], filter: str) -> set[int]:
    """The numbers of the frames that a filter of tcpdump takes. Raises `BadParameter`, `ToolMissing`."""
    found, said, understood = set[int](), "", False
    for kind in dict.fromkeys(frame.linktype for frame in frames):
        some = [frame for frame in frames if frame.linktype == kind]
        marked = [replace(frame, time=frame.number * 10**9) for frame in some]  # the time comes back with each frame
        done = _tcpdump(["-n", "-tt", "-q", "-r", "-", filter], pcap(kind, marked))
        out, err = (text.decode(errors="backslashreplace").splitlines() for text in (done.stdout, done.stderr))
        understood |= done.returncode == 0
        said = said or (err or [""])[-1] if done.returncode else said
        found |= {int(line.split(".")[0]) for line in out if line[:1].isdigit()}
    if not understood:
        raise BadParameter(
            f"tcpdump -r - {filter!r}",
            said,
            "a filter is written as for tcpdump",
            'for example "icmp", "arp", "host 10.0.0.1", "udp port 53"; man pcap-filter',
        )
    return found


def _tcpdump(options: list[str], input: bytes) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["tcpdump", *options], input=input, capture_output=True)
    except FileNotFoundError:
        raise ToolMissing(
            "tcpdump -n -e -r -",
            "tcpdump: not found",
            "tcpdump words the table of a capture",
            "sudo apt install tcpdump (vnetlearn doctor knows the words for other systems)",
        ) from None
    except OSError as error:
        raise Shortage("tcpdump -n -e -r -", error) from None


def _lines(kind: int, frames: Sequence[Frame]) -> list[str]:
    """Each begins with its number; what goes on in further lines is put behind it."""
    done = _tcpdump(OPTIONS, pcap(kind, frames))
    lines: list[str] = []
    for line in done.stdout.decode(errors="backslashreplace").splitlines():
        if (found := LINE.fullmatch(line)) and int(found[1]) == len(lines) + 1:
            lines.append(found[2])
        elif lines:
            lines[-1] += f" {line.strip()}"
    why = done.stderr.decode(errors="backslashreplace").strip().splitlines()
    return lines + [f"({why[-1] if why else 'tcpdump says nothing'})"] * (len(frames) - len(lines))


def pcap(kind: int, frames: Sequence[Frame]) -> bytes:
    """A pcap file of frames of one link type."""
    records = (RECORD.pack(f.time // 10**9, f.time % 10**9, len(f.data), f.length) + f.data for f in frames)
    return HEADER.pack(0xA1B23C4D, 2, 4, 0, 0, SNAP, kind) + b"".join(records)


def _can(data: bytes) -> str:
    """As candump(1) writes a frame: its identifier, [length], its bytes (linux/can.h)."""
    identifier, length = struct.unpack_from(">IB", data)
    digits = 8 if identifier & 0x80000000 else 3
    words = "remote request" if identifier & 0x40000000 else data[8 : 8 + length].hex(" ").upper()
    return f"CAN {identifier & CAN_FLAGS:0{digits}X} [{length}] {words}"


def _netlink(data: bytes) -> str:
    """The family of the socket, and of a message to or from rtnetlink its type, as the kernel's headers name them."""
    from pyroute2.netlink.rtnl import RTM_VALUES

    family = int.from_bytes(data[14:16], "big")
    if len(data) < NETLINK_AT + 16:
        return f"netlink family {family}, {len(data) - NETLINK_AT} bytes"
    length, kind, flags, _, pid = struct.unpack_from("=IHHII", data, NETLINK_AT)
    name = MESSAGES.get(kind) or (RTM_VALUES.get(kind) if family == 0 else None) or f"type {kind}"
    return f"netlink {FAMILIES.get(family, f'family {family}')} {name}, flags {flags:#x}, port {pid}, length {length}"


MESSAGES = {2: "NLMSG_ERROR", 3: "NLMSG_DONE"}
FAMILIES = {
    0: "route",
    4: "sock_diag",
    6: "xfrm",
    12: "netfilter",
    15: "kobject_uevent",
    16: "generic",
}  # linux/netlink.h
OWN_WORDS: dict[int, Callable[[bytes], str]] = {CAN: _can, NETLINK: _netlink}  # of which tcpdump has none
