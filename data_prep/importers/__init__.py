"""Raw data sets as they lie on a disk, one a file, to prepared data sets."""

from fermodels._shared.extras import require

require(__name__, "import")
