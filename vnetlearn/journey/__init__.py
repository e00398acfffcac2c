"""One packet's way through a lab: from the frames of a capture to hops, and to the reason why it ended.

It imports namespaces, topologies and captures, never a lab: what a node or a capture of a lab offers of it, lab/ adds.
"""
