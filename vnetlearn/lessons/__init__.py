"""What a lesson is made of: the table of all lessons, questions to predict, the map of kinds.

It needs no lab: `display`, `kinds` and `topology` are imported here, and nothing that stands on them.
"""
