"""Guests that are resumed again and again beside a load, and used a little: how many died, or whose kernel complained.

Each guest says hello, makes links of three kinds whose modules are not loaded yet (what a lesson does soon after its
start), makes and removes namespaces, says whether its kernel is tainted (an oops or a warning), and is closed. What
went wrong stands in the log with the console's file, and the totals after every hundred.
"""

from __future__ import annotations

import argparse
import os
import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from hammering import clock
from hammering.load import cores, load
from vnetlearn.engine import vm
from vnetlearn.engine.guest import qemu
from vnetlearn.engine.program import Program
from vnetlearn.errors import VnetlearnError

SEVERAL = (
    *("type ipvlan link d", "type macvlan link d", "type vlan link d id 5", "type vxlan id 7 dstport 4789 dev d"),
    *("type geneve id 7 remote 192.0.2.1", "type gre remote 192.0.2.1 ttl 9", "type ipip remote 192.0.2.1"),
    *("type sit remote 192.0.2.1", "type vti remote 192.0.2.1 key 1", "type bond", "type team", "type vrf table 9"),
    *("type macsec link d", "type hsr slave1 d slave2 e", "type wireguard", "type ifb", "type netkit", "type nlmon"),
    *("type vcan", "type batadv", "type xfrm dev d if_id 3", "type ip6tnl remote 2001:db8::1", "type macvtap link d"),
)
USE = """
ip link add d type dummy; ip link add e type dummy
{links}
for n in 1 2 3; do ip netns add n$n; done; for n in 1 2 3; do ip netns delete n$n; done
tainted=$(cat /proc/sys/kernel/tainted); echo "tainted $tainted"; [ "$tainted" = 0 ] || dmesg
"""


class Tally:
    """What was counted, and the log that says it."""

    def __init__(self) -> None:
        self.begun, self.done, self.wrong, self.seconds = time.monotonic(), 0, list[str](), 0.0
        self._lock = threading.Lock()

    def add(self, seconds: float, wrong: str) -> None:
        with self._lock:
            self.done += 1
            self.seconds += seconds
            if wrong:
                self.wrong.append(wrong)
                print(f"resume {self.done}: {wrong}", flush=True)
            if self.done % 100 == 0:
                print(self, flush=True)

    def __str__(self) -> str:
        each = self.seconds / max(self.done, 1)
        now = time.strftime("%H:%M:%S")
        return (
            f"{now}  {self.done} resumes in {time.monotonic() - self.begun:.0f} s ({each:.2f} s each),"
            f" {len(self.wrong)} went wrong; load average {os.getloadavg()[0]:.1f}"
        )


def use() -> str:
    """Resume one guest and use it: what went wrong, or ""."""
    links = "\n".join(f"ip link add t{n} {kind}" for n, kind in enumerate(random.sample(SEVERAL, 3)))
    try:
        guest = vm.start()
    except VnetlearnError as error:
        return f"did not start: {error}"
    try:
        program = Program(guest.channel, ["bash", "-c", USE.format(links=links)], "", {})
        said = b"".join(data for _, data in program.output()).decode(errors="replace")
        _, found, after = said.rpartition("tainted ")
        return "" if found and after.strip() == "0" else f"the kernel complains, or the program ended early: {said}"
    except VnetlearnError as error:
        return f"{error}\n{guest.died()}"
    finally:
        guest.close()


def swap(old: str, new: str) -> None:
    """Give QEMU `new` instead of its option `old`; such a guest has an image of its own."""
    board = qemu.board
    qemu.board = lambda *args: [word.replace(old, new) for word in board(*args)]


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("scripts/hammer resumes", description=__doc__)
    clock.add_options(parser, 20_000)
    parser.add_argument("--jobs", type=int, default=cores(), help="guests at a time (default: one per core)")
    parser.add_argument("--load", type=int, default=cores(), help="busy processes beside them (default: one per core)")
    parser.add_argument("--swap", nargs=2, action="append", default=[], metavar=("OLD", "NEW"), help=swap.__doc__)
    chosen = parser.parse_args(argv)
    for old, new in chosen.swap:
        swap(old, new)
    tally, numbers, turn = Tally(), clock.numbers(chosen), threading.Lock()

    def work(_: int) -> None:
        while True:
            with turn:
                if next(numbers, None) is None:
                    return
            begun = time.monotonic()
            wrong = use()
            tally.add(time.monotonic() - begun, wrong)

    print(
        f"{chosen.jobs} guests at a time, {chosen.load} busy processes; {' '.join(qemu.board('tcg', True))}", flush=True
    )
    with load(chosen.load), ThreadPoolExecutor(chosen.jobs) as pool:
        list(pool.map(work, range(chosen.jobs)))
    print(tally, flush=True)
    return 1 if tally.wrong else 0
