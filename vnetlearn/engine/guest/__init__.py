"""The guest of the engine `vm`: what is in it, how it is built, saved and resumed."""
