"""Kinds whose frames go through cryptography or a program: macsec and tun."""

# Tables of data, set as they read best:
# fmt: off

from __future__ import annotations

import re

from ..numbers import enum
from ..places import Attributes, Bytes, Links, Whole, mac_bytes
from ..record import Kind, Param, Params, Wraps, apart, needs, once, table
from ..scenes import CABLE, KEYS, NOTHING, PINGED, End, Scene, at_both, batch
from ..values import AfterWord, Choice, Flag, Mac, Name, Number, ParamValue, Switch, choice

_SCI, _PORT = "IFLA_MACSEC_SCI", "IFLA_MACSEC_PORT"


class SecureChannel(AfterWord[str]):
    """A secure channel's identifier: 16 hexadecimal digits, which are a MAC address and a port."""

    def check(self, value: object) -> str:
        text = f"{value:016x}" if isinstance(value, int) and not isinstance(value, bool) and value > 0 else value
        if not isinstance(text, str) or not re.fullmatch(r"(0[xX])?[0-9a-fA-F]{1,16}", text) or not int(text, 16):
            raise ValueError(f"must be 16 hexadecimal digits, not {value!r}")
        return f"{int(text, 16):016x}"


class _Address:
    """The first six bytes of the identifier."""

    names = (_SCI,)

    def put(self, value: str, spelling: object, attributes: Attributes, links: Links) -> None:
        attributes[_SCI] = mac_bytes(value) + bytes(2)

    def get(self, spelling: object, attributes: Attributes, links: Links) -> str | None:
        return attributes[_SCI][:6].hex(":") if _SCI in attributes else None


class _Port:
    """The last two bytes of the identifier; alone where the kernel takes the link's own MAC."""

    names = (_SCI, _PORT)

    def put(self, value: int, spelling: object, attributes: Attributes, links: Links) -> None:
        if _SCI in attributes:
            attributes[_SCI] = attributes[_SCI][:6] + value.to_bytes(2, "big")
        else:
            attributes[_PORT] = value.to_bytes(2, "big")

    def get(self, spelling: object, attributes: Attributes, links: Links) -> int | None:
        data = attributes.get(_PORT) or attributes.get(_SCI, b"")[6:]
        return int.from_bytes(data, "big") if data else None


def _switch(word: str, attribute: str, says: str) -> Param:
    return Param(word, says, Switch(), Whole(f"IFLA_MACSEC_{attribute}", "u8"))


def _replay(params: Params) -> str | None:
    if params.get("replay") and "window" not in params:
        return "replay needs window"
    return "window needs replay" if "window" in params and "replay" not in params else None


def _again(told: Params, unusual: dict[str, ParamValue], address: str) -> dict[str, ParamValue]:
    """Its channel, where that is not its own MAC and the port 1; one that is not sent is taken as a port only."""
    said = once(unusual, sci=("address", "port"))
    if said.get("sci") == address.replace(":", "") + "0001":
        del said["sci"]
    if "sci" in said and said.get("send_sci") is False:
        said["port"] = int(str(said.pop("sci"))[-4:], 16)
    return said


_CHANNELS = "\n".join(
    batch(here, f"macsec add DEV tx sa 0 pn 1 on key 0{n} {KEYS[n]}", f"macsec add DEV rx port 1 address {mac}",
          f"macsec add DEV rx port 1 address {mac} sa 0 pn 1 on key 0{1 - n} {KEYS[1 - n]}")
    for n, (here, mac) in enumerate((("a", "02:00:00:00:00:02"), ("b", "02:00:00:00:00:01")))
)

MACSEC = Kind(
    "macsec", "encrypted Ethernet",
    "Encrypts and checks Ethernet frames between machines on the same network (IEEE 802.1AE).",
    "tagging", "macsec", "drivers/net/macsec.c", "4.6", "required", "link", "ip-macsec(8); ip-link(8), MACSEC Type "
    "Support", example={"link": "eth0", "encrypt": True}, needs=("eth0",),
    rules=(apart("sci", "address"), apart("sci", "port"), needs("address", "port"), _replay,
           apart("send_sci", "end_station", "scb")),
    implied=lambda params: {"window": 0xFFFFFFFF} if "replay" in params else {},
    relations=("lower",), shows=("encrypt",),
    wraps=Wraps("MACsec", sealed=True), mtu=None, follows=("address",), again=_again,
    usual={
        "cipher": "default", "icvlen": 16, "encrypt": False, "send_sci": True, "end_station": False, "scb": False,
        "protect": True, "replay": False, "validate": "strict", "encodingsa": 0, "offload": "off",
    },
    scene=Scene(CABLE, "The cable's frames are encrypted, with a key for each direction.", at_both("macsec"),
                ("encrypt", "cipher", "validate", "replay", "window", "send_sci"), after=_CHANNELS, pings=PINGED,
                script=("ip -n a -s macsec show DEV",)),
    numbers=enum("IFLA_MACSEC_", "UNSPEC SCI PORT ICV_LEN CIPHER_SUITE WINDOW ENCODING_SA ENCRYPT PROTECT INC_SCI ES "
        "SCB REPLAY_PROTECT VALIDATION PAD OFFLOAD"),
    params=table(
        Param("address", "The MAC address in the identifier of its channel; the link's own by default.", Mac(),
              _Address()),
        Param("port", "The port number in the identifier of its channel, 1 to 65535 (1 by default).",
              Number(1, 65535), _Port()),
        Param("sci", "The identifier of its channel as a whole: 16 hexadecimal digits.", SecureChannel(),
              Bytes(_SCI, bytes.fromhex, bytes.hex)),
        Param("cipher", "How frames are protected; default is gcm-aes-128.",
              Choice({"default": 0x0080020001000001, "gcm-aes-128": 0x0080C20001000001,
                      "gcm-aes-256": 0x0080C20001000002, "gcm-aes-xpn-128": 0x0080C20001000003,
                      "gcm-aes-xpn-256": 0x0080C20001000004}), Whole("IFLA_MACSEC_CIPHER_SUITE", "u64")),
        Param("icvlen", "How many bytes the integrity check has, 8 to 16.", Number(8, 16),
              Whole("IFLA_MACSEC_ICV_LEN", "u8")),
        _switch("encrypt", "ENCRYPT", "Whether frames are encrypted, not only checked."),
        _switch("send_sci", "INC_SCI", "Whether every frame carries the identifier of its channel; on by default."),
        _switch("end_station", "ES", "Whether it is the only one behind its MAC, so that frames need no identifier."),
        _switch("scb", "SCB", "Whether it sends single copy broadcast."),
        _switch("protect", "PROTECT", "Whether what it sends is protected; on by default."),
        _switch("replay", "REPLAY_PROTECT", "Whether frames that come again are dropped; needs window."),
        Param("window", "How far a frame may come late before it is dropped, in frames, 0 to 4294967294.",
              Number(0, 0xFFFFFFFE), Whole("IFLA_MACSEC_WINDOW", "u32")),
        Param("validate", "What is done with frames that fail the check: strict (drop, by default), check (count), "
              "disabled.", choice("disabled", "check", "strict"), Whole("IFLA_MACSEC_VALIDATION", "u8")),
        Param("encodingsa", "Which of its four keys it sends with, 0 to 3.", Number(0, 3),
              Whole("IFLA_MACSEC_ENCODING_SA", "u8")),
        Param("offload", "Who does the cryptography: off (the kernel), phy or mac (the card).",
              choice("off", "phy", "mac"), Whole("IFLA_MACSEC_OFFLOAD", "u8")),
    ),
)


class _Told(Whole):
    """What the kernel tells of a link that is made through /dev/net/tun, not through netlink."""

    def put(self, value: object, spelling: object, attributes: Attributes, links: Links) -> None:
        pass


class _Id(Name):
    """A user or a group."""

    def named(self, number: int) -> str:
        return str(number)


class _Untold(_Told):
    def get(self, spelling: object, attributes: Attributes, links: Links) -> None:
        return None


# A program behind the tun: it says what comes, and answers a ping with the same packet, its addresses exchanged and its
# type 0, the reply (RFC 792). How it has to open the link is in tun_flags (linux/if_tun.h).
_ECHO = """python3 -ISc '
import fcntl, os, select, struct
flags = int(open("/sys/class/net/DEV/tun_flags").read(), 16) & 0x5103
before = (0 if flags & 0x1000 else 4) + (10 if flags & 0x4000 else 0)
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH", b"DEV", flags))
ping = os.spawnlp(os.P_NOWAIT, "ping", "ping", "-c", "2", "-i", "0.2", "-W", "1", "10.0.0.2")
while not os.waitpid(ping, os.WNOHANG)[0]:
    if select.select([tun], [], [], 0.1)[0]:
        data = bytearray(os.read(tun, 2000))
        print("the program got", len(data), "bytes:", data[:24].hex(" "), "...", flush=True)
        head, packet = data[:before], data[before:]
        if flags & 1 and packet[0] >> 4 == 4 and packet[9] == 1 and packet[20] == 8:
            packet[12:20] = packet[16:20] + packet[12:16]
            packet[20:24] = struct.pack("!HH", 0, (struct.unpack_from("!H", packet, 22)[0] + 0x800) % 0xFFFF)
            os.write(tun, head + packet)
'"""

TUN = Kind(
    "tun", "a link whose other end is a program",
    "What is sent to it goes to a program that has opened it, as packets (tun) or as Ethernet frames (tap): VPNs and "
    "virtual machines use it.",
    "user space", "tun", "drivers/net/tun.c", "", "none", "", "ip-tuntap(8); Documentation/networking/tuntap.rst",
    example={"mode": "tun"}, via="tuntap",
    lesson="03-user-space/01-tun-and-tap.ipynb",
    relations=("held",), shows=("mode",), queue=500, address=False,
    scene=Scene(NOTHING, "A program opens it, says what comes, and answers a ping itself: no other machine is there.",
                (End("", "tun1", ("10.0.0.1/24",)),), script=(_ECHO,)),
    numbers=enum("IFLA_TUN_", "UNSPEC OWNER GROUP TYPE PI VNET_HDR PERSIST MULTI_QUEUE NUM_QUEUES "
        "NUM_DISABLED_QUEUES"),
    params=table(
        Param("mode", "tun for IP packets, tap for Ethernet frames.", Choice({"tun": 1, "tap": 2}),
              _Told("IFLA_TUN_TYPE", "u8"), required=True),
        Param("user", "Who may open it: a user's name or number.", _Id(), _Told("IFLA_TUN_OWNER", "u32")),
        Param("group", "Which group may open it: its name or number.", _Id(), _Told("IFLA_TUN_GROUP", "u32")),
        Param("one_queue", "Has no effect since Linux 3.8.", Flag(no=""), _Untold("IFLA_TUN_TYPE", "u8")),
        Param("pi", "Packets have four bytes of flags and protocol in front.", Flag(no=""),
              _Told("IFLA_TUN_PI", "u8")),
        Param("vnet_hdr", "Packets have a virtio header in front, for checksums and segments left to the other end.",
              Flag(no=""), _Told("IFLA_TUN_VNET_HDR", "u8")),
        Param("multi_queue", "Several descriptors can be open at once, each with a queue.", Flag(no=""),
              _Told("IFLA_TUN_MULTI_QUEUE", "u8")),
    ),
)

KINDS = (MACSEC, TUN)
