"""Any kind to play with: its parameters as controls, the kernel's answer, its traffic."""
