"""What runs inside a lab: it relays netlink, runs programs, records frames and keeps network namespaces.

Standard library only, and nothing of vnetlearn but these modules: it is started on its own, in the lab's world, and
the guest image has a copy of it.
"""
