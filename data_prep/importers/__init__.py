"""Raw data sets as they lie on a disk, one a file, to prepared data sets."""
