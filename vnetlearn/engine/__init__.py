"""The ways to start a lab's agent: `host` (namespaces on the running kernel) and `vm` (a QEMU guest)."""
