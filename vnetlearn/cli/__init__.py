"""`vnetlearn …`: the commands of a terminal. It may use every room; none uses it."""
