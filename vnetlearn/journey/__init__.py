"""One packet's way through a lab: from the frames of a capture to hops, and to the reason why it ended."""
