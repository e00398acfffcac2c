"""How values look: tables, grids, pictures, colours, and what all widgets share. It knows no network."""
