"""The records of the device types, a file for each family."""
