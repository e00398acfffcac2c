"""How values look: as text, as HTML, as a picture, and with buttons.

It knows nothing of labs: of the package only `errors`, `files` and `texts` are imported here. What widgets share is
here, and no widget: nothing imports ipywidgets.
"""
