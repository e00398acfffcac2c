"""Two kinds held against each other, by experiment: macvlan and ipvlan on one card."""
