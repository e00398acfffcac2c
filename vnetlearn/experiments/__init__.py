"""Two kinds held against each other, by experiment: macvlan and ipvlan on one card.

It stands on `lab`. Nothing of `exercises` and `cli` is imported here.
"""
