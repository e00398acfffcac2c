"""The exercises themselves, a file for each track: data."""
