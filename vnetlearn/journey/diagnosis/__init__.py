"""Why a packet went no further: checks that ask the lab's kernel, in files by where it was lost."""
