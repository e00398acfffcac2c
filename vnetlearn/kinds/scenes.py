"""For each kind, a small network in which it makes sense, and the traffic that shows it: what `explore` plays.

A scene has a stage (what is there before), one or two ends at which the link is made, and what is asked of it then.
Its first end gets the kind's `example`, with `params` over it; the second the same with the stage's addresses
exchanged. In texts, DEV is the link's name. Addresses are those kept for documentation (RFC 5737, RFC 3849).
"""

# Tables of data, set as they read best:
# fmt: off

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HERE, THERE = ("192.0.2.1", "2001:db8::1"), ("192.0.2.2", "2001:db8::2")


@dataclass(frozen=True)
class Stage:
    """What is there before the link: a world of a lab, further namespaces, cables (veth) between cards, commands.

    A cable has two ends "NAMESPACE/CARD"; `addrs` gives cards their addresses; `lines` are shell text.
    """

    says: str
    netns: tuple[str, ...] = ()
    cables: tuple[tuple[str, str], ...] = ()
    addrs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lines: str = ""
    world: str = "empty"


@dataclass(frozen=True)
class End:
    """Where the link is made; `to` is the namespace that it goes to then, `ports` are links that become its ports."""

    netns: str = ""
    name: str = ""
    addrs: tuple[str, ...] = ()
    to: str = ""
    ports: tuple[str, ...] = ()

    @property
    def lives(self) -> str:
        return self.to or self.netns


@dataclass(frozen=True)
class Scene:
    """`first` are the parameters that are shown first; `after` and `clear` shell text for after the link is made,
    and for before it is made again; `pings` who pings whom; `script` commands whose output is shown."""

    stage: Stage
    says: str
    ends: tuple[End, ...]
    first: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    after: str = ""
    clear: str = ""
    pings: tuple[tuple[str, str], ...] = ()
    script: tuple[str, ...] = ()


NOTHING = Stage("An empty machine.")
CABLE = Stage(
    "Two machines, a and b, on one cable.", ("a", "b"), (("a/eth0", "b/eth0"),),
    {"a/eth0": ("192.0.2.1/24", "2001:db8::1/64"), "b/eth0": ("192.0.2.2/24", "2001:db8::2/64")},
)
BARE_CABLE = Stage("Two machines, a and b, on one cable without addresses.", ("a", "b"), (("a/eth0", "b/eth0"),))
TWO_CABLES = Stage(
    "Two machines, a and b, with two cables between them.", ("a", "b"),
    (("a/eth0", "b/eth0"), ("a/eth1", "b/eth1")),
)
THREE = Stage(
    "A machine with three cards, a cable on each to another machine: a, b and c.", ("a", "b", "c"),
    (("/pa", "a/eth0"), ("/pb", "b/eth0"), ("/pc", "c/eth0")),
    {"a/eth0": ("10.0.0.1/24",), "b/eth0": ("10.0.0.2/24",), "c/eth0": ("10.0.0.3/24",)},
)
ROUTER = Stage(
    "A router with a machine on each side: a and b.", ("a", "b"), (("/eth0", "a/eth0"), ("/eth1", "b/eth0")),
    {"/eth0": ("10.0.1.1/24",), "a/eth0": ("10.0.1.2/24",), "/eth1": ("10.0.2.1/24",), "b/eth0": ("10.0.2.2/24",)},
    lines="sysctl -qw net.ipv4.ip_forward=1\nip -n a route add default via 10.0.1.1\n"
    "ip -n b route add default via 10.0.2.1",
)
LAN = Stage("A machine on a LAN with a router and a neighbour; its card eth0 has 192.168.0.171.", ("ns1", "ns2"),
            world="host")
TWO_EMPTY = Stage("Two machines, a and b, with nothing between them.", ("a", "b"))
CONTROLLERS = Stage("A machine with two CAN controllers (QEMU's Kvaser card) on one bus.", lines="modprobe kvaser_pci")
RADIOS = Stage(
    "Two IEEE 802.15.4 radios (mac802154_hwsim), the second in namespace b.", ("b",),
    lines="modprobe mac802154_hwsim radios=2\niwpan phy phy1 set netns name /run/netns/b\n"
    "ip -n b link set wpan1 name wpan0\niwpan dev wpan0 set pan_id 0xbeef\n"
    "ip netns exec b iwpan dev wpan0 set pan_id 0xbeef\nip link set wpan0 up\nip -n b link set wpan0 up",
)
ONE_CARD = Stage("A machine with one Ethernet card, and no InfiniBand adapter.", ("b",), (("/eth0", "b/eth0"),))


def _both(kind: str, *inner: str) -> tuple[End, ...]:
    """The same link in a and in b, with addresses of its own there."""
    heres = inner or ("10.0.0.1/24",)
    theres = tuple(address.replace(".1/", ".2/").replace(":1/", ":2/") for address in heres)
    return (End("a", f"{kind}1", heres), End("b", f"{kind}1", theres))


_OTHER_END = """for name in $(ip -n b -br link show type veth | cut -d@ -f1)
do ip -n b addr add 10.0.0.2/24 dev "$name"; ip -n b link set "$name" up; done"""
_PINGED = (("a", "10.0.0.2"), ("b", "10.0.0.1"))
_V4: Mapping[str, Any] = {"local": HERE[0], "remote": THERE[0]}
_V6: Mapping[str, Any] = {"local": HERE[1], "remote": THERE[1]}
_GRE_FIRST = ("local", "remote", "key", "csum", "seq", "dev")


def _tunnel(kind: str, says: str, over: Mapping[str, Any], first: tuple[str, ...]) -> Scene:
    return Scene(CABLE, says, _both(kind), (*first, *(("hoplimit",) if over is _V6 else ("ttl", "pmtudisc"))), over,
                 pings=_PINGED)


def _children(kind: str, says: str, first: tuple[str, ...]) -> Scene:
    ends = (End("", f"{kind}1", ("192.168.0.100/24",), to="ns1"), End("", f"{kind}2", ("192.168.0.200/24",), to="ns2"))
    return Scene(LAN, says, ends, first, pings=(
        ("ns1", "192.168.0.200"), ("ns1", "192.168.0.171"), ("ns1", "192.168.0.20"), ("ns1", "192.168.0.1"),
    ))


_UNPLUG = (
    "ip netns exec a ping -c 2 -i 0.2 -W 1 10.0.0.2",
    "ip -n a link set eth0 down  # one cable is pulled out",
    "ip netns exec a ping -c 5 -i 0.2 -W 1 10.0.0.2",
    "ip -n a link set eth0 up",
)
_CANDUMP = "candump -T 3000 -n 1 DEV & while kill -0 $! 2>&-; do cansend DEV 123#DEADBEEF; sleep 0.1; done"
_KEYS = ("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210")


def _batch(netns: str, *lines: str) -> str:
    return "\n".join([f"ip -n {netns} -batch - <<END", *lines, "END"])


_MACSEC = "\n".join(
    _batch(here, f"macsec add DEV tx sa 0 pn 1 on key 0{n} {_KEYS[n]}", f"macsec add DEV rx port 1 address {mac}",
           f"macsec add DEV rx port 1 address {mac} sa 0 pn 1 on key 0{1 - n} {_KEYS[1 - n]}")
    for n, (here, mac) in enumerate((("a", "02:00:00:00:00:02"), ("b", "02:00:00:00:00:01")))
)
_WAYS = ((HERE[0], THERE[0], 257), (THERE[0], HERE[0], 258))
_XFRM = "\n".join(
    _batch(netns, "xfrm state flush", "xfrm policy flush", *(
        f"xfrm state add src {src} dst {dst} proto esp spi {spi} reqid 1 mode tunnel "
        f"aead rfc4106(gcm(aes)) 0x{_KEYS[0]}01020304 128" for src, dst, spi in _WAYS), *(
        f"xfrm policy add dir {way} mark 42 tmpl src {src} dst {dst} proto esp reqid 1 mode tunnel"
        for way, (src, dst, _) in zip(directions, _WAYS, strict=True)))
    for netns, directions in (("a", ("out", "in")), ("b", ("in", "out")))
)
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

SCENES: dict[str, Scene] = {
    "bridge": Scene(
        THREE, "The three cards become ports of one switch, so that a, b and c are on one network.",
        (End("", "bridge1", ports=("pa", "pb", "pc")),),
        ("vlan_filtering", "stp_state", "forward_delay", "ageing_time", "priority", "mcast_snooping", "group_fwd_mask"),
        pings=(("a", "10.0.0.2"), ("a", "10.0.0.3"), ("c", "10.0.0.2")), script=("bridge fdb show br DEV dynamic",)),
    "bond": Scene(
        TWO_CABLES, "Both cables become one link at each end. Then one of them is pulled out.",
        tuple(End(e.netns, e.name, e.addrs, ports=("eth0", "eth1")) for e in _both("bond")),
        ("mode", "miimon", "updelay", "downdelay", "primary", "lacp_rate", "xmit_hash_policy"), script=_UNPLUG),
    "can": Scene(
        CONTROLLERS, "Both controllers get the same bit rate and go up; a frame goes from one to the other.",
        (End("", "can0"), End("", "can1")), ("bitrate", "sample_point", "loopback", "listen_only", "restart_ms"),
        script=(_CANDUMP.replace("DEV &", "can1 &").replace("DEV", "can0"), "ip -s link show can1")),
    "dummy": Scene(
        NOTHING, "Its own address answers; what is sent to another one through it is gone.",
        (End("", "dummy1", ("10.0.0.1/24",)),), pings=(("", "10.0.0.1"), ("", "10.0.0.2")),
        script=("ip -s link show dev DEV",)),
    "hsr": Scene(
        TWO_CABLES, "Two machines and two cables are a ring. Each frame goes both ways; then one cable is pulled out.",
        _both("hsr"), script=_UNPLUG),
    "ifb": Scene(
        CABLE, "What comes in on b's eth0 is redirected to the ifb, whose queue lets 32 kbit/s through.",
        (End("b", "ifb1"),), pings=(("a", THERE[0]),),
        after="tc -n b qdisc add dev DEV root tbf rate 32kbit burst 1600 limit 30000\n"
        "tc -n b qdisc add dev eth0 ingress\n"
        "tc -n b filter add dev eth0 parent ffff: matchall action mirred egress redirect dev DEV",
        clear="tc -n b qdisc del dev eth0 ingress",
        script=("ip netns exec a ping -c 4 -i 0.2 -s 1400 192.0.2.2", "tc -n b -s qdisc show dev DEV")),
    "ipoib": Scene(ONE_CARD, "It needs an InfiniBand adapter, and no kernel has one in software: this is refused.",
                   (End("", "ipoib1"),)),
    "macvlan": _children("macvlan", "Two children of eth0, each in a namespace of its own. In the mode passthru there "
                         "is room for one.", ("mode", "flag", "macaddr", "bcqueuelen")),
    "macvtap": _children("macvtap", "As macvlan. Until a program opens /dev/tapINDEX, the kernel itself takes the "
                         "frames, so that it answers.", ("mode", "flag", "macaddr", "bcqueuelen")),
    "vcan": Scene(NOTHING, "A bus of this machine alone: one program listens, another sends a frame.",
                  (End("", "vcan1"),),
                  script=(_CANDUMP,)),
    "veth": Scene(TWO_EMPTY, "A cable between a and b. Its other end is given as ip has it: name NAME netns NAMESPACE.",
                  (End("a", "veth1", ("10.0.0.1/24",)),), params={"peer": {"name": "veth2", "netns": "b"}},
                  after=_OTHER_END, pings=_PINGED),
    "vlan": Scene(BARE_CABLE, "The cable carries frames with a number; both ends have to have the same one.",
                  _both("vlan"), ("id", "protocol", "reorder_hdr", "loose_binding"), pings=_PINGED),
    "vxlan": Scene(
        CABLE, "An Ethernet of its own between a and b, in UDP packets over the cable.", _both("vxlan"),
        ("id", "remote", "local", "dstport", "dev", "group", "learning", "ttl", "external"), _V4, pings=_PINGED,
        script=("bridge -n a fdb show dev DEV",)),
    "ip6tnl": _tunnel("ip6tnl", "IPv4 packets between a and b, inside of IPv6 packets.", _V6, ("mode", *_V6)),
    "ipip": _tunnel("ipip", "IPv4 packets between a and b, inside of IPv4 packets.", _V4, ("mode", *_V4)),
    "sit": Scene(CABLE, "IPv6 packets between a and b, inside of IPv4 packets.", _both("sit", "fd00::1/64"),
                 ("mode", *_V4, "ttl", "isatap"), pings=(("a", "fd00::2"), ("b", "fd00::1"))),
    "gre": _tunnel("gre", "Packets between a and b, inside of IPv4 packets, told apart by a key.", _V4, _GRE_FIRST),
    "gretap": _tunnel("gretap", "Ethernet frames between a and b, inside of IPv4 packets.", _V4, _GRE_FIRST),
    "ip6gre": _tunnel("ip6gre", "Packets between a and b, inside of IPv6 packets.", _V6, _GRE_FIRST),
    "ip6gretap": _tunnel("ip6gretap", "Ethernet frames between a and b, inside of IPv6 packets.", _V6, _GRE_FIRST),
    "vti": Scene(CABLE, "What a and b send through it is encrypted, by IPsec policies that know the mark 42.",
                 _both("vti"), ("local", "remote", "key", "ikey", "okey"), after=_XFRM,
                 pings=_PINGED, script=("ip -n a -s xfrm state list | grep -A 3 'lifetime current'",)),
    "nlmon": Scene(NOTHING, "tcpdump looks at it while ip gives the loopback another address.", (End("", "nlmon1"),),
                   script=("timeout 5 tcpdump -lni DEV -s 64 -c 4 & while kill -0 $! 2>&-; do "
                           "ip addr add 10.9.9.9/32 dev lo; ip addr del 10.9.9.9/32 dev lo; done",)),
    "ipvlan": _children("ipvlan", "Two children of eth0 with its MAC address, each in a namespace of its own.",
                        ("mode", "bridge", "private", "vepa")),
    "lowpan": Scene(RADIOS, "IPv6 over the radios, with headers made small.",
                    (End("", "lowpan1", ("fd00::1/64",)), End("b", "lowpan1", ("fd00::2/64",))),
                    params={"link": "wpan0"}, pings=(("", "fd00::2"),)),
    "geneve": Scene(CABLE, "An Ethernet of its own between a and b, in UDP packets over the cable.", _both("geneve"),
                    ("id", "remote", "dstport", "ttl", "df", "external"), pings=_PINGED),
    "macsec": Scene(CABLE, "The cable's frames are encrypted, with a key for each direction.", _both("macsec"),
                    ("encrypt", "cipher", "validate", "replay", "window", "send_sci"), after=_MACSEC, pings=_PINGED,
                    script=("ip -n a -s macsec show DEV",)),
    "vrf": Scene(ROUTER, "The router's eth0 gets a routing table of its own: a reaches the router, and b no more.",
                 (End("", "vrf1", ports=("eth0",)),), pings=(("a", "10.0.1.1"), ("a", "10.0.2.2"), ("b", "10.0.2.1")),
                 script=("ip route show vrf DEV", "ip route show")),
    "tun": Scene(NOTHING, "A program opens it, says what comes, and answers a ping itself: no other machine is there.",
                 (End("", "tun1", ("10.0.0.1/24",)),),
                 script=(_ECHO,)),
}
