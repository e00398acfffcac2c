"""What notebooks are made of: the table of lessons, predictions, the map of all kinds."""
