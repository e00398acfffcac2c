"""The track `vlan`: several networks on one cable."""

from __future__ import annotations

from ..record import Exercise
from ..wanted import Apart, Kept, Reach, SameCables, Tagged

TWO_NETWORKS = Exercise(
    name="vlan/two-networks",
    title="Two networks on one cable",
    task="""`a` and `b` are connected by one cable, `eth0` to `eth0`, which is up and has no addresses. Two networks
shall share it, kept apart by VLAN tags (802.1Q):

VLAN 10 is 10.0.10.0/24, with 10.0.10.1 on `a` and 10.0.10.2 on `b`. VLAN 20 is 10.0.20.0/24, with 10.0.20.1 on `a`
and 10.0.20.2 on `b`. It is done when pings are answered in both networks, and each is on the cable with the tag of
its own network. No cable is to be added.""",
    start="""ip netns add a
ip netns add b
ip link add eth0 netns a type veth peer name eth0 netns b
ip -n a link set eth0 up
ip -n b link set eth0 up""",
    kinds=("veth", "vlan"),
    wanted=(
        Reach("a", "10.0.10.2", "b"),
        Reach("b", "10.0.10.1", "a"),
        Reach("a", "10.0.20.2", "b"),
        Reach("b", "10.0.20.1", "a"),
        Tagged("a", "10.0.10.2", "b", "eth0", 10),
        Tagged("b", "10.0.10.1", "a", "eth0", 10),
        Tagged("a", "10.0.20.2", "b", "eth0", 20),
        Tagged("b", "10.0.20.1", "a", "eth0", 20),
        SameCables(),
    ),
    hints=(
        "A link of type `vlan` sits on another link: what leaves by it gets a tag, and what comes in with that tag goes to "
        "it. How many of them does each end of the cable need?",
        "`ip -n a link add link eth0 name NAME type vlan id NUMBER` makes one on `eth0` of `a`. Both ends need one for "
        "each network, with the same number on both sides.",
        "The addresses belong to the vlan links, not to `eth0`, where they would leave without a tag: "
        "`ip -n a addr add 10.0.10.1/24 dev NAME`. A vlan link has to be set up as well.",
    ),
    solution="""for vlan in 10 20; do
    ip -n a link add link eth0 name eth0.$vlan type vlan id $vlan
    ip -n b link add link eth0 name eth0.$vlan type vlan id $vlan
    ip -n a addr add 10.0.$vlan.1/24 dev eth0.$vlan
    ip -n b addr add 10.0.$vlan.2/24 dev eth0.$vlan
    ip -n a link set eth0.$vlan up
    ip -n b link set eth0.$vlan up
done""",
    level="medium",
    minutes=10,
)

_SWITCH = """    ip netns add $s
    ip -n $s link add br0 type bridge vlan_filtering 1 vlan_default_pvid 0
    ip -n $s link set br0 up
"""

WRONG_NETWORK = Exercise(
    name="vlan/wrong-network",
    title="Somebody hears what is not for them",
    task="""Two switches, `up` and `down` (the bridge `br0`), are connected by the port `trunk` on both sides. Upstairs is
`office1`, downstairs are `office2` (both VLAN 10, 10.0.0.0/24) and `guest` (VLAN 20). The machines know nothing of VLANs.
`office1` is 10.0.0.1, `office2` 10.0.0.2.

`office1` cannot reach `office2`. `guest`, on the other hand, hears `office1`. Make the offices reach each other, and
see to it that `guest` hears nothing of it. The machines are not yours, and there will be no other cable.""",
    start=f"""for s in up down; do
{_SWITCH}done
ip -n up link add trunk type veth peer name trunk netns down
for s in up down; do ip -n $s link set trunk master br0 up; done
for m in up:office1:1:10 down:office2:2:10 down:guest:3:20; do
    IFS=: read s name number vid <<END
$m
END
    ip netns add $name
    ip -n $s link add $name type veth peer name eth0 netns $name
    ip -n $s link set $name master br0 up
    bridge -n $s vlan add dev $name vid $vid pvid untagged
    ip -n $name addr add 10.0.0.$number/24 dev eth0
    ip -n $name link set eth0 up
done
bridge -n up vlan add dev trunk vid 10 pvid untagged
bridge -n up vlan add dev trunk vid 20
bridge -n down vlan add dev trunk vid 10
bridge -n down vlan add dev trunk vid 20 pvid untagged""",
    kinds=("veth", "bridge", "vlan"),  # whose kernel filters VLANs
    wanted=(
        Reach("office1", "10.0.0.2", "office2", through="down"),
        Reach("office2", "10.0.0.1", "office1", through="up"),
        Apart("office1", "10.0.0.3", "guest"),
        Apart("office2", "10.0.0.3", "guest"),
        Kept(("office1", "office2", "guest")),
        SameCables(),
    ),
    hints=(
        "Look at the cable between the switches: `tcpdump -eni trunk arp` in `down`. Which tag has a question of `office1`?",
        "None: `up` takes it off. And what has no tag gets the number that `down` has for it: compare "
        "`bridge -n up vlan show dev trunk` with `bridge -n down vlan show dev trunk`.",
        "Both ends have to have the same `PVID Egress Untagged`, or none. `bridge vlan add` without these two words takes "
        "them away from a number that is there already.",
    ),
    solution="""bridge -n up vlan add dev trunk vid 10
bridge -n down vlan add dev trunk vid 20""",
    level="medium",
    minutes=10,
)

THIRD_FLOOR = Exercise(
    name="vlan/third-floor",
    title="VLAN 20 ends somewhere",
    task="""Three floors have a switch each: `s1`, `s2` and `s3`, with the bridge `br0`, in a row. The port `next` of a switch
leads to the following one, where it ends at `prev`. `a` is at the port `host` of `s1`, `b` at the port `host` of `s3`. Both
have VLAN links on `eth0`: VLAN 10 (10.0.10.1 and 10.0.10.2) and VLAN 20 (10.0.20.1 and 10.0.20.2).

VLAN 10 has worked since last year. VLAN 20 was added last night, and does not. Repair it, so that each network is in its own
VLAN all the way. `a` and `b` are not yours, and no cable is to be added.""",
    start=f"""for s in s1 s2 s3; do
{_SWITCH}done
ip -n s1 link add next type veth peer name prev netns s2
ip -n s2 link add next type veth peer name prev netns s3
for m in a:s1:1 b:s3:2; do
    IFS=: read n s number <<END
$m
END
    ip netns add $n
    ip -n $s link add host type veth peer name eth0 netns $n
    ip -n $n link set eth0 up
    for vid in 10 20; do
        ip -n $n link add link eth0 name eth0.$vid type vlan id $vid
        ip -n $n addr add 10.0.$vid.$number/24 dev eth0.$vid
        ip -n $n link set eth0.$vid up
    done
done
for p in s1:host s1:next s2:prev s2:next s3:prev s3:host; do
    ip -n ${{p%:*}} link set ${{p#*:}} master br0 up
    bridge -n ${{p%:*}} vlan add dev ${{p#*:}} vid 10
done
for p in s1:host s1:next s2:prev s3:prev; do bridge -n ${{p%:*}} vlan add dev ${{p#*:}} vid 20; done
bridge -n s3 vlan add dev host vid 20 untagged""",
    kinds=("veth", "vlan", "bridge"),
    wanted=(
        Reach("a", "10.0.10.2", "b", through="s2"),
        Reach("a", "10.0.20.2", "b", through="s2"),
        Reach("b", "10.0.20.1", "a", through="s2"),
        Tagged("a", "10.0.10.2", "b", "eth0", 10),
        Tagged("a", "10.0.20.2", "b", "eth0", 20),
        Tagged("a", "10.0.20.2", "s2", "prev", 20),
        Tagged("a", "10.0.20.2", "s3", "prev", 20),
        Kept(("a", "b")),
        SameCables(),
    ),
    hints=(
        "There are two faults. Follow a question of `a` from switch to switch: `tcpdump -eni prev vlan 20` in `s2`, then in "
        "`s3`. Where was it seen last?",
        "It comes into `s2` and does not leave. `bridge -n s2 vlan show`: which of the two ports lacks 20? Once that is "
        "mended, look at what arrives at `b`: `tcpdump -eni eth0 arp` there.",
        "`next` in `s2` has to carry 20. And `host` in `s3` has 20 as `Egress Untagged`, so that `b` gets it without its "
        "tag: add it again without that word.",
    ),
    solution="""bridge -n s2 vlan add dev next vid 20
bridge -n s3 vlan add dev host vid 20""",
    level="hard",
    minutes=15,
)

EXERCISES = (TWO_NETWORKS, WRONG_NETWORK, THIRD_FLOOR)
