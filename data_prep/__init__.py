"""Raw files to prepared data sets, one importer a file: `python -m data_prep NAME …`."""
