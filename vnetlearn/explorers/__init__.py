"""Any kind to play with: its parameters as controls, the kernel's answer, its traffic.

It stands on `lab`. Nothing of `experiments`, `exercises` and `cli` is imported here.
"""
