"""What runs from the shell: experiments out of a configuration file, and their results."""

from fermodels._shared.extras import require

require(__name__, "experiments")
