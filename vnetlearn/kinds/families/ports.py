"""What a link can be told as a port of a bridge or a bond: `ip link set dev LINK type bridge_slave …`."""

# Tables of data, set as they read best:
# fmt: off

from __future__ import annotations

from ..numbers import enum
from ..places import Index, Present, Whole
from ..record import Kind, Param, Params, apart, table
from ..values import Flag, Link, Number, ParamValue, Switch
from .lan import U16, U32, ClearIndex


def _port(word: str, attribute: str, says: str, wire: str = "u8", value: Number | None = None) -> Param:
    return Param(word, says, value or Switch(), Whole(f"IFLA_BRPORT_{attribute}", wire))


_COSTS = (2, 4, 19, 100)  # those that follow from a port's speed: net/bridge/br_if.c, port_cost


def _again(told: Params, unusual: dict[str, ParamValue], address: str) -> dict[str, ParamValue]:
    """Without the state, which follows the carrier, and what is said twice."""
    said = {name: value for name, value in unusual.items() if name not in ("state", "fastleave")}
    if said.get("cost") in _COSTS:
        del said["cost"]
    return said


BRIDGE_SLAVE = Kind(
    "bridge_slave", "a port of a bridge", "What a bridge does at one of its ports.", "bridge-like", "bridge",
    "net/bridge/", "", "none", "", "ip-link(8), bridge_slave; bridge(8)", via="set",
    rules=(apart("backup_port", "nobackup_port"),), again=_again,
    usual={
        "priority": 32, "guard": False, "hairpin": False, "mcast_fast_leave": False, "root_block": False,
        "learning": True, "flood": True, "proxy_arp": False, "proxy_arp_wifi": False, "mcast_router": 1,
        "mcast_flood": True, "bcast_flood": True, "mcast_to_unicast": False, "group_fwd_mask": 0,
        "neigh_suppress": False, "vlan_tunnel": False, "isolated": False, "locked": False,
    },
    numbers=enum("IFLA_BRPORT_", "UNSPEC STATE PRIORITY COST MODE GUARD PROTECT FAST_LEAVE LEARNING UNICAST_FLOOD "
        "PROXYARP LEARNING_SYNC PROXYARP_WIFI ROOT_ID BRIDGE_ID DESIGNATED_PORT DESIGNATED_COST ID NO "
        "TOPOLOGY_CHANGE_ACK CONFIG_PENDING MESSAGE_AGE_TIMER FORWARD_DELAY_TIMER HOLD_TIMER FLUSH MULTICAST_ROUTER "
        "PAD MCAST_FLOOD MCAST_TO_UCAST VLAN_TUNNEL BCAST_FLOOD GROUP_FWD_MASK NEIGH_SUPPRESS ISOLATED BACKUP_PORT "
        "MRP_RING_OPEN MRP_IN_OPEN MCAST_EHT_HOSTS_LIMIT MCAST_EHT_HOSTS_CNT LOCKED"),
    params=table(
        Param("fdb_flush", "Forget the addresses learned here.", Flag(no=""), Present("IFLA_BRPORT_FLUSH")),
        _port("state", "STATE", "The spanning tree's state: 0 disabled, 1 listening, 2 learning, 3 forwarding, 4 "
              "blocking.", value=Number(0, 4)),
        _port("priority", "PRIORITY", "The spanning tree's priority of the port, 0 to 63.", "u16", Number(0, 63)),
        _port("cost", "COST", "The spanning tree's cost of the port.", "u32", U32),
        _port("guard", "GUARD", "Whether spanning tree frames are not taken here."),
        _port("hairpin", "MODE", "Whether frames may go out where they came in."),
        _port("mcast_fast_leave", "FAST_LEAVE", "Whether a multicast group ends here at the first leave message."),
        _port("fastleave", "FAST_LEAVE", "The same as mcast_fast_leave."),
        _port("root_block", "PROTECT", "Whether the port must not lead to the spanning tree's root."),
        _port("learning", "LEARNING", "Whether addresses are learned here."),
        _port("flood", "UNICAST_FLOOD", "Whether frames to unknown addresses are sent here."),
        _port("proxy_arp", "PROXYARP", "Whether the bridge answers ARP here."),
        _port("proxy_arp_wifi", "PROXYARP_WIFI", "Whether the bridge answers ARP here as IEEE 802.11 wants."),
        _port("mcast_router", "MULTICAST_ROUTER", "Whether a multicast router is here: 0 never, 1 as seen, 2 always, 3 "
              "for now.", value=Number(0, 3)),
        _port("mcast_flood", "MCAST_FLOOD", "Whether multicast to unknown groups is sent here."),
        _port("bcast_flood", "BCAST_FLOOD", "Whether broadcasts are sent here."),
        _port("mcast_to_unicast", "MCAST_TO_UCAST", "Whether multicast is sent to each member on its own."),
        _port("group_fwd_mask", "GROUP_FWD_MASK", "Bits for the link-local addresses 01:80:c2:00:00:0X that are "
              "forwarded.", "u16", U16),
        _port("neigh_suppress", "NEIGH_SUPPRESS", "Whether ARP and neighbour discovery are answered, not flooded."),
        _port("vlan_tunnel", "VLAN_TUNNEL", "Whether VLANs become tunnel numbers here."),
        _port("isolated", "ISOLATED", "Whether it reaches only ports that are not isolated."),
        _port("locked", "LOCKED", "Whether only known source addresses may send."),
        Param("backup_port", "The port that takes over when this one loses its carrier.", Link(),
              Index("IFLA_BRPORT_BACKUP_PORT")),
        Param("nobackup_port", "No port takes over.", Flag(no=""), ClearIndex("IFLA_BRPORT_BACKUP_PORT")),
    ),
)

BOND_SLAVE = Kind(
    "bond_slave", "a member of a bond", "What a bond does with one of its members.", "redundancy", "bonding",
    "drivers/net/bonding/", "", "none", "", "ip-link(8), bond_slave", via="set",
    usual={"queue_id": 0, "prio": 0},
    numbers=enum("IFLA_BOND_SLAVE_", "UNSPEC STATE MII_STATUS LINK_FAILURE_COUNT PERM_HWADDR QUEUE_ID "
        "AD_AGGREGATOR_ID AD_ACTOR_OPER_PORT_STATE AD_PARTNER_OPER_PORT_STATE PRIO"),
    params=table(
        Param("queue_id", "The member's queue, 0 to 65535.", U16, Whole("IFLA_BOND_SLAVE_QUEUE_ID", "u16")),
        Param("prio", "The member's priority for becoming the one that is used, -2147483648 to 2147483647.",
              Number(-(2**31), 2**31 - 1), Whole("IFLA_BOND_SLAVE_PRIO", "s32")),
    ),
)

PORTS = {kind.name: kind for kind in (BRIDGE_SLAVE, BOND_SLAVE)}
