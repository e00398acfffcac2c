"""Filters in tcpdump's words (pcap-filter(7)), as one classic BPF program for links of all types."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from ..errors import BadParameter, ToolMissing
from ..iproute.namespace import Namespace
from .linktypes import BY_HATYPE, CAN, ETHERNET, IEEE802_15_4, IEEE802_15_4_NOFCS, RAW

# linux/filter.h: ld [SKF_AD_OFF + SKF_AD_IFINDEX], … SKF_AD_HATYPE; what else is used here
LOAD_INDEX, LOAD_HATYPE = (0x20, 0, 0, 0xFFFFF000 + 8), (0x20, 0, 0, 0xFFFFF000 + 28)
JUMP_IF_EQUAL, JUMP, RETURN = 0x15, 0x05, 0x06
BYTES = 262144  # of a frame that are kept, tcpdump's usual number
EVERYTHING, NOTHING = [(RETURN, 0, 0, BYTES)], [(RETURN, 0, 0, 0)]
MOST = 4096  # instructions, BPF_MAXINSNS
# pcap_datalink_name_to_val(3PCAP). Not netlink: pcap gives it a header that is not there when the kernel filters.
NAMES = {
    ETHERNET: "EN10MB",
    RAW: "RAW",
    CAN: "CAN_SOCKETCAN",
    IEEE802_15_4: "IEEE802_15_4",
    IEEE802_15_4_NOFCS: "IEEE802_15_4_NOFCS",
}
# In a namespace of its own, where no name is looked up and the loopback, which counts as Ethernet, is a real link: only
# for a real link the program looks for a VLAN's tag where the kernel keeps it (gen_vlan in libpcap's gencode.c).
SCRIPT = r"""command -v tcpdump >/dev/null || exit 127
ip link set dev lo up || exit
for type in "${@:2}"; do
    case $type in EN10MB) link="-i lo";; *) link="";; esac
    said=$(tcpdump $link -y $type -ddd -- "$1" 2>&1); printf '\036%s\n%s\n' $? "$said"
done"""

Instruction = tuple[int, int, int, int]

MOST_KNOWN = 256
_known: dict[str, list[Instruction]] = {}


def compiled(namespace: Namespace, filter: str) -> list[Instruction]:
    """A program that takes what a filter means, whatever the type of the link; "" takes everything.

    A filter that has no meaning for a type of link (`arp` on a tun) takes nothing there. What was compiled once is
    known from then on, whichever lab asks. Raises `BadParameter` when it has none for any, `ToolMissing`.
    """
    if not filter.strip():
        return EVERYTHING
    if filter not in _known:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[filter] = _compiled(namespace, filter)
    return _known[filter]


def _compiled(namespace: Namespace, filter: str) -> list[Instruction]:
    tried = f"tcpdump -i any {filter!r}"
    if "\0" in filter or "\n" in filter:
        raise BadParameter(tried, "it is more than one line", *LESSON)
    result = namespace.ask(["unshare", "--net", "bash", "-c", SCRIPT, "bash", filter, *NAMES.values()])
    if result.status:
        raise ToolMissing(
            tried,
            result.stderr.strip() or "tcpdump: not found",
            "tcpdump makes programs of filters",
            "sudo apt install tcpdump (vnetlearn doctor knows the words for other systems)",
        )
    programs: dict[int, list[Instruction]] = {}
    for kind, part in zip(NAMES, result.stdout.split("\x1e")[1:], strict=True):
        head, said = part.split("\n", 1)
        if head == "0":
            programs[kind] = _read(said)
        elif kind == ETHERNET:
            why = said.strip().splitlines()[-1].removeprefix("tcpdump: ")
    if not programs:
        raise BadParameter(tried, why, *LESSON)
    whole = _joined(programs)
    if len(whole) > MOST - 2:
        raise BadParameter(
            tried,
            f"it needs {len(whole)} instructions",
            f"the kernel takes programs of up to {MOST}",
            "make it shorter, and choose from `frames` afterwards",
        )
    return whole


LESSON = (
    "a filter is written as for tcpdump: pcap-filter(7)",
    'for example "icmp", "arp or icmp", "vlan 5", "host 10.0.0.1", "udp port 4789"',
)


def only(indexes: Sequence[int], program: list[Instruction]) -> list[Instruction]:
    """The program for links of these indexes; nothing from others."""
    code = [LOAD_INDEX]
    for number, index in enumerate(indexes):
        over = 2 * (len(indexes) - number - 1) + 1  # the rest of these pairs, and NOTHING
        code += [(JUMP_IF_EQUAL, 0, 1, index), (JUMP, 0, 0, over)]
    return [*code, *NOTHING, *program]


def encoded(program: Iterable[Instruction]) -> str:
    """struct sock_filter for each instruction, in hexadecimal."""
    return b"".join(struct.pack("=HBBI", *one) for one in program).hex()


def _read(text: str) -> list[Instruction]:
    """`tcpdump -ddd`: the number of instructions, then one in each line."""
    rows = (map(int, line.split()) for line in text.splitlines() if line[:1].isdigit() and " " in line)
    return [(code, jt, jf, k) for code, jt, jf, k in rows]


def _joined(programs: dict[int, list[Instruction]]) -> list[Instruction]:
    """Each type's program, which ends with a verdict, behind a test for the hardware that is of this type."""
    code: list[Instruction] = [LOAD_HATYPE]
    for kind, program in programs.items():
        hatypes = [hatype for hatype, one in BY_HATYPE.items() if one == kind]
        code += [(JUMP_IF_EQUAL, len(hatypes) - number, 0, hatype) for number, hatype in enumerate(hatypes)]
        code += [(JUMP, 0, 0, len(program)), *program]
    return [*code, *NOTHING]
