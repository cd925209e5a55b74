"""What every room may know: whole files, resumable parts, workers, digests, bars, names."""
