"""The exercises themselves, a file for each track: records, and what only one of them wants of the kernel."""
