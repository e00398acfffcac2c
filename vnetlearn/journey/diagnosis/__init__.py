"""Why a packet went no further: checks that ask the lab's kernel, in files by where it was lost.

Below `journey.journey`: a check knows frames, sights and trees, not the journey that is made of them.
"""
