"""What every room may know: files that are replaced as a whole, progress bars, modalities."""
