"""What editors and type checkers see of the names that `__init__.py` imports when they are first asked for."""

from tunesmith import api as api
from tunesmith import lifecycle as lifecycle
from tunesmith.api import open_job as open_job
from tunesmith.api import open_training as open_training
from tunesmith.api import run as run
from tunesmith.api import train_steps as train_steps
from tunesmith.artifacts import TunedModel as TunedModel
from tunesmith.errors import TunesmithError as TunesmithError
from tunesmith.recipe import Recipe as Recipe
from tunesmith.records import Message as Message
from tunesmith.records import Rendered as Rendered
from tunesmith.records import Sampling as Sampling
from tunesmith.train.session import Session as Session
from tunesmith.train.step import LossSum as LossSum

__version__: str
