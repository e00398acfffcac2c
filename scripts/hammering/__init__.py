"""The commands of scripts/hammer, and what they share."""
