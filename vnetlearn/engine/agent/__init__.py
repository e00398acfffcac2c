"""What runs inside a lab: it relays netlink, runs programs, records frames and keeps network namespaces.

Standard library only, one thread, asleep when there is nothing to do; it imports nothing of vnetlearn but its own
modules, and the guest image has a copy of it. It ends when the stream to its owner closes; in a lab it is
process 1, so all that it started ends with it.

    python -I -S …/agent host FD    in fresh namespaces (network, mount, pid, …), FD is one end of a socketpair
    python -I -S …/agent guest      as /init's successor in a QEMU guest, on the virtio-serial port named "agent"
    python -I -S …/agent look FD    in the computer's own namespaces, where it only looks: no operation but those that
                                    look, no netlink but GET requests
"""
