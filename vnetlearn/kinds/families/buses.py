"""Kinds that belong to a bus or a radio, not to Ethernet: can, vcan, lowpan, ipoib."""

# Tables of data, set as they read best:
# fmt: off

from __future__ import annotations

import struct

from ..numbers import enum
from ..places import Attributes, Bits, Field, Links, Nested, Whole
from ..record import Kind, Param, Rule, needs, table
from ..scenes import NOTHING, End, Scene, Stage
from ..values import Choice, Flag, Number, Spelling, Switch, Thousandths, V, choice

_U32, _SOME, _TDC = Number(0, 0xFFFFFFFF), Number(1, 0xFFFFFFFF), Number(0, 0xFFFFFFFE)


def _timing(d: str, attribute: str, of: str) -> tuple[Param, ...]:
    """The parameters of one bit rate: `d` is "" for the arbitration's, "d" for CAN FD's data."""

    def part(word: str, position: int, says: str) -> Param:
        values: dict[str, Number | Thousandths] = {"sample-point": Thousandths(), "bitrate": _SOME, "tq": _SOME}
        return Param(d + word, says.format(of=of), values.get(word, _U32), Field(attribute, position, 8))

    return (
        part("bitrate", 0, "Bits per second{of}; the times below are computed from it."),
        part("sample-point", 1, "Where in a bit it is sampled{of}, 0.000 to 0.999 of the bit's time."),
        part("tq", 2, "The time quantum{of}, in nanoseconds."),
        part("prop-seg", 3, "The propagation segment{of}, in time quanta."),
        part("phase-seg1", 4, "The first phase buffer{of}, in time quanta."),
        part("phase-seg2", 5, "The second phase buffer{of}, in time quanta."),
        part("sjw", 6, "The synchronisation jump width{of}, in time quanta."),
    )


def _mode(word: str, mask: int, says: str) -> Param:
    return Param(word, says, Switch(), Bits("IFLA_CAN_CTRLMODE", mask, "=II", value=1, meant=0))


class _TdcMode(Bits):
    """Two bits of the controller's mode, of which only the one that is set is marked as meant; off marks both."""

    def put(self, value: V, spelling: Spelling[V], attributes: Attributes, links: Links) -> None:
        bit = spelling.number(value)
        meant, flags = struct.unpack("=II", attributes.get(self.name, bytes(8)))
        attributes[self.name] = struct.pack("=II", meant | (bit or self.mask), flags | bit)

    def get(self, spelling: Spelling[V], attributes: Attributes, links: Links) -> V | None:
        if self.name not in attributes:
            return None
        return spelling.named(struct.unpack("=II", attributes[self.name])[1] & self.mask)


def _only_with(d: str) -> tuple[Rule, ...]:
    return (
        *(needs(f"{d}{name}", f"{d}bitrate", f"{d}tq") for name in ("sample_point", "sjw")),
        *(needs(f"{d}{name}", f"{d}tq") for name in ("prop_seg", "phase_seg1", "phase_seg2")),
    )


_DUMP = "candump -T 3000 -n 1 DEV & while kill -0 $! 2>&-; do cansend DEV 123#DEADBEEF; sleep 0.1; done"

CAN = Kind(
    "can", "a controller on a CAN bus",
    "A real controller for the bus that cars and machines use; it is there when the driver finds it, and is set up "
    "before it goes up.",
    "bus and radio", "can-dev", "drivers/net/can/", "2.6.31", "none", "",
    "Documentation/networking/can.rst; ip link help can", example={"bitrate": 500000}, stand_in="kvaser_pci",
    via="set", rules=(*_only_with(""), *_only_with("d")),
    relations=("bus",), shows=("bitrate",),
    scene=Scene(
        Stage("A machine with two CAN controllers (QEMU's Kvaser card) on one bus.", lines="modprobe kvaser_pci"),
        "Both controllers get the same bit rate and go up; a frame goes from one to the other.",
        (End("", "can0"), End("", "can1")), ("bitrate", "sample_point", "loopback", "listen_only", "restart_ms"),
        script=(_DUMP.replace("DEV &", "can1 &").replace("DEV", "can0"), "ip -s link show can1")),
    numbers=enum("IFLA_CAN_", "UNSPEC BITTIMING BITTIMING_CONST CLOCK STATE CTRLMODE RESTART_MS RESTART BERR_COUNTER "
        "DATA_BITTIMING DATA_BITTIMING_CONST TERMINATION TERMINATION_CONST BITRATE_CONST DATA_BITRATE_CONST "
        "BITRATE_MAX TDC CTRLMODE_EXT"),
    params=table(
        *_timing("", "IFLA_CAN_BITTIMING", ""),
        *_timing("d", "IFLA_CAN_DATA_BITTIMING", " of CAN FD's data"),
        Param("tdcv", "Transmitter delay compensation: the measured delay, in clock periods.", _TDC,
              Nested("IFLA_CAN_TDC", 7)),
        Param("tdco", "Transmitter delay compensation: the offset, in clock periods.", _TDC, Nested("IFLA_CAN_TDC", 8)),
        Param("tdcf", "Transmitter delay compensation: the filter window, in clock periods.", _TDC,
              Nested("IFLA_CAN_TDC", 9)),
        _mode("loopback", 0x1, "Whether the controller hears what it sends, without a bus."),
        _mode("listen-only", 0x2, "Whether it only listens, and never acknowledges."),
        _mode("triple-sampling", 0x4, "Whether each bit is sampled three times."),
        _mode("one-shot", 0x8, "Whether a frame is sent once only, even when that fails."),
        _mode("berr-reporting", 0x10, "Whether errors on the bus are reported as frames."),
        _mode("fd", 0x20, "Whether CAN FD frames (up to 64 bytes) are sent and taken."),
        _mode("fd-non-iso", 0x80, "Whether CAN FD follows the drafts before ISO 11898-1:2015."),
        _mode("presume-ack", 0x40, "Whether a missing acknowledgement is ignored."),
        _mode("cc-len8-dlc", 0x100, "Whether the raw length code (9 to 15) of classic frames is kept."),
        Param("tdc-mode", "Transmitter delay compensation: auto, manual (with tdcv) or off.",
              Choice({"auto": 0x200, "manual": 0x400, "off": 0}), _TdcMode("IFLA_CAN_CTRLMODE", 0x600)),
        Param("restart-ms", "After how long it starts again when errors took it off the bus, in milliseconds (0: "
              "never by itself).", _U32, Whole("IFLA_CAN_RESTART_MS", "u32")),
        Param("restart", "Start again now after errors took it off the bus.", Flag(no=""),
              Whole("IFLA_CAN_RESTART", "u32")),
        Param("termination", "The resistor at the bus's end, in ohms, 0 to 65535 (0: none).", Number(0, 65535),
              Whole("IFLA_CAN_TERMINATION", "u16")),
    ),
)

VCAN = Kind(
    "vcan", "a CAN bus without hardware",
    "Programs on the same machine exchange CAN frames over it.",
    "bus and radio", "vcan", "drivers/net/can/vcan.c", "2.6.25", "none", "", "Documentation/networking/can.rst",
    relations=("bus",), address=False,
    scene=Scene(NOTHING, "A bus of this machine alone: one program listens, another sends a frame.",
                (End("", "vcan1"),), script=(_DUMP,)),
)

_RADIOS = Stage(
    "Two IEEE 802.15.4 radios (mac802154_hwsim), the second in namespace b.", ("b",),
    lines="modprobe mac802154_hwsim radios=2\niwpan phy phy1 set netns name /run/netns/b\n"
    "ip -n b link set wpan1 name wpan0\niwpan dev wpan0 set pan_id 0xbeef\n"
    "ip netns exec b iwpan dev wpan0 set pan_id 0xbeef\nip link set wpan0 up\nip -n b link set wpan0 up",
)

LOWPAN = Kind(
    "lowpan", "IPv6 over a slow radio",
    "Carries IPv6 over IEEE 802.15.4 radios, with headers made small and packets cut into pieces (6LoWPAN).",
    "bus and radio", "ieee802154_6lowpan", "net/ieee802154/6lowpan/", "2.6.39", "required", "link",
    "Documentation/networking/ieee802154.rst; RFC 4944", example={"link": "wpan0"},
    stand_in="mac802154_hwsim radios=2",
    relations=("lower",), address=False,
    scene=Scene(
        _RADIOS, "IPv6 over the radios, with headers made small.",
        (End("", "lowpan1", ("fd00::1/64",)), End("b", "lowpan1", ("fd00::2/64",))), params={"link": "wpan0"},
        pings=(("", "fd00::2"),)),
)

IPOIB = Kind(
    "ipoib", "IP over InfiniBand",
    "A further network with a key of its own on an InfiniBand adapter. It needs such an adapter.",
    "bus and radio", "ib_ipoib", "drivers/infiniband/ulp/ipoib/", "2.6.14", "required", "link",
    "ip-link(8), IPOIB Type Support; Documentation/infiniband/ipoib.rst", example={"link": "eth0", "pkey": 0x8001},
    needs=("eth0",), hardware=True,
    relations=("lower",), shows=("pkey", "mode"),
    scene=Scene(
        Stage("A machine with one Ethernet card, and no InfiniBand adapter.", ("b",), (("/eth0", "b/eth0"),)),
        "It needs an InfiniBand adapter, and no kernel has one in software: this is refused.", (End("", "ipoib1"),)),
    numbers=enum("IFLA_IPOIB_", "UNSPEC PKEY MODE UMCAST"),
    params=table(
        Param("pkey", "The network's key, 0x8001 to 0xffff.", Number(0x8001, 0xFFFF), Whole("IFLA_IPOIB_PKEY", "u16")),
        Param("mode", "datagram (small packets) or connected (up to 65520 bytes).", choice("datagram", "connected"),
              Whole("IFLA_IPOIB_MODE", "u16")),
        Param("umcast", "Whether programs may use multicast groups that the kernel has not joined.", Switch("1", "0"),
              Whole("IFLA_IPOIB_UMCAST", "u16")),
    ),
)

KINDS = (CAN, VCAN, LOWPAN, IPOIB)
