"""The guest of the engine `vm`: what is in it, how it is built, saved and resumed.

Every module of this folder counts for the name of the image: a change in one of them makes a new one.
"""
