"""What a lesson is made of: the table of all lessons, questions to predict, the map of kinds.

It needs no lab: of the package `errors`, `kinds`, `display` and `topology` are imported here.
"""
