"""The track `docker`: four container networks that broke as they break in the field, one layer after the other."""

# Tables of data, set as they read best:
# fmt: off

from __future__ import annotations

from ..connects import Connects, listener
from ..record import Exercise
from ..wanted import Kept, Reach, SameCables

_KINDS = ("veth", "bridge")

# What Docker makes: a bridge with an address, a cable for each container, forwarding, masquerade, a published port.
# What passes a bridge stays out of netfilter, whether br_netfilter is there or not: the lesson's pitfall is about that.
_NET = """[ -e /proc/sys/net/bridge ] && sysctl -qw net.bridge.bridge-nf-call-iptables=0
sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv4.ip_forward=1
ip link add docker0 address 02:42:ac:11:00:01 type bridge
ip addr add 172.17.0.1/16 dev docker0
ip link set docker0 up
n=2
for name in web db; do
    ip netns add $name
    ip link add veth-$name type veth peer name eth0 address 02:42:ac:11:00:0$n netns $name
    ip link set veth-$name master docker0 up
    ip -n $name link set lo up
    ip -n $name link set eth0 up
    ip -n $name addr add 172.17.0.$n/16 dev eth0
    ip -n $name route add default via 172.17.0.1
    n=$((n + 1))
done
nft -f - <<'RULES'
table ip docker {
    chain prerouting {
        type nat hook prerouting priority dstnat
        fib daddr type local tcp dport 8080 dnat to 172.17.0.2:80
    }
    chain postrouting {
        type nat hook postrouting priority srcnat
        ip saddr 172.17.0.0/16 oifname != "docker0" masquerade
    }
    chain forward {
        type filter hook forward priority filter; policy drop
        ct state established,related accept
        iifname "docker0" accept
        oifname "docker0" ip daddr 172.17.0.2 tcp dport 80 accept
    }
}
RULES
""" + listener("web", 80)

_OUT = Reach("web", "203.0.113.1", "gateway", through="")
_PUBLISHED = Connects("neighbour", "192.168.0.171", 8080, "web")
_LAN = ("lan", "gateway", "neighbour")

FORWARDING_SAYS_ONE = Exercise(
    name="docker/forwarding-says-one",
    title="Forwarding is on, says everybody",
    task="""Last night this host got an update of its network manager. Since then the containers `web` (172.17.0.2)
and `db` (172.17.0.3) reach each other and the host, but nothing beyond it, and from the LAN nobody reaches
192.168.0.171:8080, the published port of `web`. The first thing that all have looked at is in order:
`sysctl net.ipv4.ip_forward` says 1.

Bring both containers back on the net. The containers and the LAN are not yours.""",
    world="host",
    kinds=_KINDS,
    start=_NET + "\nsysctl -qw net.ipv4.conf.docker0.forwarding=0 net.ipv4.conf.eth0.forwarding=0",
    wanted=(
        _OUT,
        Reach("db", "203.0.113.1", "gateway", through=""),
        _PUBLISHED,
        Kept((*_LAN, "web", "db")),
        SameCables(),
    ),
    hints=(
        "How far does a packet of the container come? Record on `docker0` and on `eth0` at the same time: `tcpdump -ni docker0 "
        "icmp` sees the request. Does it leave by `eth0`?",
        "It is thrown away where it should be routed, before any rule of the firewall sees it: `nft list ruleset` is in order. "
        "`ip_forward` is one name of a switch that each link has as well: `sysctl -a | grep -w forwarding`.",
        "A packet is routed when the link that it came in by has `net.ipv4.conf.LINK.forwarding` 1. Look at `docker0` for the way "
        "out, and at `eth0` for the way in. (Writing to `ip_forward` what it says already changes nothing.)",
    ),
    solution="""sysctl -w net.ipv4.conf.docker0.forwarding=1
sysctl -w net.ipv4.conf.eth0.forwarding=1""",
    level="medium",
    minutes=10,
)

CLAIMED_PORT = Exercise(
    name="docker/claimed-port",
    title="A network manager claims what is not its own",
    task="""Somebody gave the host's network manager a configuration that matches every link. It wiped what it found
and did not put there itself. Now `web` (172.17.0.2) is alone: not even `db` (172.17.0.3) on the same bridge reaches
it. `db` has a fault less, and does not reach the world either.

Restore what the manager took away, without restarting anything. The containers and the LAN are not yours, the rules
of the firewall are in order.""",
    world="host",
    kinds=_KINDS,
    start=_NET + "\nip link set veth-web nomaster\nip addr flush dev docker0",
    wanted=(Reach("db", "172.17.0.2", "web"), _OUT, Reach("db", "203.0.113.1", "gateway", through=""), _PUBLISHED,
            Kept((*_LAN, "web", "db")), SameCables()),
    hints=(
        "There are two faults, in two layers. Compare the two containers' ends on the host: `ip link show type veth`. What has "
        "the one that the other has not?",
        "A link is a port of a bridge when it says `master`. When that is mended, `web` and `db` reach each other. Whom do both "
        "ask for on their way out, and who answers? `ip -n db route`, `ip -br addr`.",
        "The default gateway of all containers is an address of the bridge itself: 172.17.0.1, with the prefix length that the "
        "containers' addresses have. `ip addr add … dev docker0`.",
    ),
    solution="""ip link set veth-web master docker0
ip addr add 172.17.0.1/16 dev docker0""",
    level="easy",
    minutes=5,
)

SAME_RANGE = Exercise(
    name="docker/same-range",
    title="The company had this range first",
    task="""The company's database stands behind the gateway, in namespace `oracle`, at 172.17.50.10. From the
neighbour it is reached. Since Docker was installed on this host, neither the host nor its containers `web` (172.17.0.2)
and `db` (172.17.0.3) reach it: 172.17.50.10 is in the range of `docker0`, 172.17.0.0/16.

Make `web`, `db` and the host reach the database, and keep `web`'s port published: 192.168.0.171:8080. You may change
the host and the containers, also their addresses. The LAN, the gateway and the database are not yours.""",
    world="host",
    kinds=_KINDS,
    start="""ip netns add oracle
ip link add wan netns gateway type veth peer name eth0 netns oracle
ip -n gateway addr add 172.17.50.1/24 dev wan
ip -n gateway link set wan up
ip -n oracle addr add 172.17.50.10/24 dev eth0
ip -n oracle link set eth0 up
ip -n oracle route add default via 172.17.50.1
""" + _NET,
    wanted=(Reach("", "172.17.50.10", "oracle"), Reach("web", "172.17.50.10", "oracle"), Reach("db", "172.17.50.10", "oracle"),
            Reach("db", "203.0.113.1", "gateway"), _PUBLISHED, Kept((*_LAN, "oracle")), SameCables()),
    hints=(
        "Where does a packet for 172.17.50.10 go? Ask both: `ip route get 172.17.50.10` and `ip -n web route get 172.17.50.10`.",
        "Both believe that the database is on the bridge, and ask there by ARP. Either the containers get another range, as "
        "`bip` in Docker's `daemon.json` does it, or the routes say where the exception is. Both are possible here.",
        "Another range means: the address of `docker0`, address and default route in each container, and every rule that names "
        "the old range or `web`'s old address (`nft list ruleset`). An exception means a route for 172.17.50.0/24, on the host "
        "and in each container.",
    ),
    solution="""ip addr flush dev docker0
ip addr add 10.200.0.1/24 dev docker0
n=2
for name in web db; do
    ip -n $name addr flush dev eth0
    ip -n $name addr add 10.200.0.$n/24 dev eth0
    ip -n $name route replace default via 10.200.0.1
    n=$((n + 1))
done
nft list table ip docker | sed 's|172.17.0.0/16|10.200.0.0/24|; s|172.17.0.2|10.200.0.2|' > /tmp/rules
nft delete table ip docker
nft -f /tmp/rules""",
    level="hard",
    minutes=15,
)

LARGE_ANSWERS = Exercise(
    name="docker/large-answers",
    title="It connects, and then it hangs",
    task="""The provider's network carries packets of 1300 bytes; the host's card has been told so. On the host,
everything works. In the container `web` every download from 198.51.100.10:443 (namespace `server`, beyond the
gateway) connects at once and then hangs, while pings are answered.

Make the download work in the container. The machines outside, the gateway with its strict firewall among them, are
not yours; the host and its containers are.""",
    world="host",
    kinds=_KINDS,
    start="""ip netns add server
ip link add wan netns gateway type veth peer name eth0 netns server
ip -n gateway addr add 198.51.100.1/24 dev wan
ip -n gateway link set wan up
ip -n server addr add 198.51.100.10/24 dev eth0
ip -n server link set eth0 up
ip -n server route add default via 198.51.100.1
ip -n gateway link set eth0 mtu 1300
ip link set eth0 mtu 1300
ip netns exec gateway nft -f - <<'RULES'
table ip strict {
    chain output {
        type filter hook output priority filter
        icmp type destination-unreachable drop
    }
}
RULES
""" + _NET + "\n" + listener("server", 443, 40000),
    wanted=(Connects("web", "198.51.100.10", 443, "server", 40000), Connects("", "198.51.100.10", 443, "server", 40000),
            Reach("web", "203.0.113.1", "gateway"), _PUBLISHED, Kept((*_LAN, "server")), SameCables()),
    hints=(
        "Small answers pass, large ones do not. Compare what a connection of the host announces with one of the container: "
        "`tcpdump -ni eth0 'tcp[tcpflags] & tcp-syn != 0'` shows the `mss` of each.",
        "The server sends packets as large as the other side says that it takes: `mss` plus 40 bytes. The gateway cannot pass "
        "them on, its message about it is thrown away by its firewall, and the server sends the same again. So the container must "
        "not announce that much.",
        "`mss` follows from the MTU of the link that the connection starts on. The container's `eth0` still says 1500; the way "
        "out has 1300. (Docker's setting for it is `mtu` in `daemon.json`. Where containers cannot be changed, a rule in the "
        "chain `forward` can set the option: `tcp option maxseg size set …`.)",
    ),
    solution="""ip -n web link set eth0 mtu 1300
ip -n db link set eth0 mtu 1300""",
    level="medium",
    minutes=10,
)

EXERCISES = (CLAIMED_PORT, FORWARDING_SAYS_ONE, SAME_RANGE, LARGE_ANSWERS)
