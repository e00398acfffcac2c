"""How fast and how small vnetlearn is on this machine: `make bench`."""
