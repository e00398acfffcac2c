"""What is tried at the exercises of the track `ifb`."""

from __future__ import annotations

from vnetlearn import Lab

from .ways import Ways

REDIRECT = "matchall action mirred egress redirect dev"


def by_verbs(lab: Lab) -> None:
    b = lab["b"]
    b.link.add("later", kind="ifb")
    b.link.set("later", up=True)
    b.run("tc qdisc add dev later root netem delay 120ms && tc qdisc add dev eth0 ingress", quiet=True, check=True)
    b.run(f"tc filter add dev eth0 parent ffff: {REDIRECT} later", quiet=True, check=True)


def all_anew(lab: Lab) -> None:
    lab["b"].link.delete("ifb0")
    lab["b"].run("tc qdisc del dev eth0 clsact", quiet=True)
    lab["b"].link.delete("ifb1")
    by_verbs(lab)


WAYS = {
    "ifb/far-away": Ways(
        wrong={
            f"""ip -n b link add ifb0 type ifb; tc -n b qdisc add dev ifb0 root netem delay 100ms
            tc -n b qdisc add dev eth0 clsact; tc -n b filter add dev eth0 ingress {REDIRECT} ifb0""": "no answer",
            f"""ip -n b link add ifb0 type ifb; ip -n b link set ifb0 up; tc -n b qdisc add dev eth0 clsact
            tc -n b filter add dev eth0 ingress {REDIRECT} ifb0""": "it took ",
        },
        others=(by_verbs,),
        tricks={
            "tc -n b qdisc add dev eth0 root netem delay 100ms": "it has netem",
            "tc -n a qdisc add dev eth0 root netem delay 100ms": "in a: ",
        },
    ),
    "ifb/after-the-restart": Ways(
        wrong={
            "ip -n b link set ifb0 up": "it took ",
            "tc -n b qdisc del dev eth0 clsact": "it took ",
        },
        others=(
            "ip -n b link set ifb0 up; tc -n b qdisc add dev ifb0 root netem delay 100ms",
            all_anew,
        ),
        tricks={
            "tc -n b filter del dev eth0 ingress; tc -n b qdisc add dev eth0 root netem delay 100ms": "it has netem",
        },
    ),
}
