"""Data sets that are made here: rendered faces, faces that speak, and raw folders to import."""
