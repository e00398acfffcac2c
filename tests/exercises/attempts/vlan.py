"""What is tried at the exercises of the track `vlan`."""

from __future__ import annotations

from vnetlearn import Lab

from .ways import Ways


def tags_by_verbs(lab: Lab) -> None:
    for number, name in enumerate(("a", "b"), 1):
        for vlan in 10, 20:
            lab[name].link.add(f"net{vlan}", kind="vlan", link="eth0", id=vlan, up=True)
            lab[name].addr.add(f"10.0.{vlan}.{number}/24", dev=f"net{vlan}")


def native_by_verbs(lab: Lab) -> None:
    lab["up"].run("bridge vlan add dev trunk vid 10", check=True)
    lab["down"].run("bridge vlan add dev trunk vid 20", check=True)


def trunks_by_verbs(lab: Lab) -> None:
    for switch in "s2", "s3":  # which carry what comes, whatever its tag
        lab[switch].link.set("br0", kind="bridge", vlan_filtering=0)


WAYS = {
    "vlan/two-networks": Ways(
        wrong={
            """for n in a:1 b:2; do for net in 10 20; do
                ip -n ${n%:*} link add link eth0 name v$net type vlan id $([ $n$net = b:220 ] && echo 21 || echo $net)
                ip -n ${n%:*} addr add 10.0.$net.${n#*:}/24 dev v$net; ip -n ${n%:*} link set v$net up
            done; done""": "it came with the tag 21",
            """ip -n a addr add 10.0.10.1/24 dev eth0; ip -n b addr add 10.0.10.2/24 dev eth0
            ip -n a addr add 10.0.20.1/24 dev eth0; ip -n b addr add 10.0.20.2/24 dev eth0""": "it came without a tag",
        },
        others=(
            tags_by_verbs,
            # a switch that knows VLANs at each end
            """for n in a:1 b:2; do
                ip -n ${n%:*} link add br0 type bridge vlan_filtering 1; ip -n ${n%:*} link set br0 up
                ip -n ${n%:*} link set eth0 master br0
                for net in 10 20; do
                    bridge -n ${n%:*} vlan add dev eth0 vid $net; bridge -n ${n%:*} vlan add dev br0 vid $net self
                    ip -n ${n%:*} link add link br0 name v$net type vlan id $net
                    ip -n ${n%:*} addr add 10.0.$net.${n#*:}/24 dev v$net; ip -n ${n%:*} link set v$net up
                done
            done""",
        ),
        tricks={
            """for n in a:1 b:2; do
                ip -n ${n%:*} link add link eth0 name both type vlan id 10; ip -n ${n%:*} link set both up
                for net in 10 20; do ip -n ${n%:*} addr add 10.0.$net.${n#*:}/24 dev both; done
            done""": "it came with the tag 10",
        },
    ),
    "vlan/wrong-network": Ways(
        wrong={
            "bridge -n down vlan add dev guest vid 10": "no answer",
            "bridge -n down vlan add dev trunk vid 10 untagged": "no answer",
        },
        others=(
            # the same native VLAN at both ends
            "bridge -n down vlan add dev trunk vid 10 pvid untagged; bridge -n down vlan add dev trunk vid 20",
            native_by_verbs,
        ),
        tricks={
            # the guest's port is in the offices' VLAN, and hears them
            """bridge -n down vlan add dev trunk vid 10 pvid untagged
            bridge -n down vlan add dev guest vid 10 pvid untagged""": "it came in on eth0",
        },
    ),
    "vlan/third-floor": Ways(
        wrong={
            "bridge -n s2 vlan add dev next vid 20": "it came without a tag",
            "bridge -n s3 vlan add dev host vid 20": "no answer",
        },
        others=(trunks_by_verbs,),
        tricks={
            # b takes it without a tag
            """bridge -n s2 vlan add dev next vid 20
            ip -n b addr add 10.0.20.2/24 dev eth0; ip -n b addr delete 10.0.20.2/24 dev eth0.20""": "in b:",
        },
    ),
}
