from . import (
    course as course,
)
from . import (
    crops as crops,
)
from . import (
    data as data,
)
from . import (
    evaluation as evaluation,
)
from . import (
    experiments as experiments,
)
from . import (
    explore as explore,
)
from . import (
    faces as faces,
)
from . import (
    features as features,
)
from . import (
    losses as losses,
)
from . import (
    methods as methods,
)
from . import (
    models as models,
)
from . import (
    plots as plots,
)
from . import (
    training as training,
)

__version__: str
