"""Frames: recorded from all links of a lab at once, read, shown in tcpdump's words, saved for Wireshark.

It knows namespaces and topologies, and no lab."""
