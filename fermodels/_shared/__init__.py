"""What every room may know: paths, whole files, records, parts, workers, digests, bars."""
