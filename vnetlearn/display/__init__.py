"""How values look: as text, as HTML, as a picture, and with buttons.

It knows nothing of labs: from the package only `errors` is imported here. `widgets` alone touches ipywidgets, when the
first widget is made.
"""
