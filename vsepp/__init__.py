"""VSE++ on PaddlePaddle: one embedding space for photographs and sentences.

Every public name is imported when it is first used; ``import vsepp`` by itself loads neither
Paddle nor NumPy.
"""

import importlib
import zlib  # noqa: F401 - before Paddle: 2.6's library would put its own zlib in Pillow's way

from vsepp.system.threads import set_thread_variables

__version__ = "0.2.0.dev0"

_HOMES = {
    "create_dataset": "vsepp.data.preparation",
    "ImageTextDataset": "vsepp.data.dataset",
    "FeatureTextDataset": "vsepp.data.dataset",
    "mktrainval": "vsepp.data.loaders",
    "Vocabulary": "vsepp.text.vocabulary",
    "ImageRepExtractor": "vsepp.models.image_encoders.cnn",
    "FeatureRepExtractor": "vsepp.models.image_encoders.cnn",
    "TextRepExtractor": "vsepp.models.text_encoders.gru",
    "VSEPP": "vsepp.models.vsepp",
    "TripletNetLoss": "vsepp.models.losses",
    "get_optimizer": "vsepp.training.optimizer",
    "train": "vsepp.training",
    "evaluate": "vsepp.retrieval.evaluation",
    "calc_recall": "vsepp.metrics.scores",
    "compute_ranks": "vsepp.metrics.scores",
    "evaluate_codes": "vsepp.metrics.protocol",
    "Correspondence": "vsepp.metrics.correspondence",
    "load": "vsepp.retrieval.model",
    "RetrievalModel": "vsepp.retrieval.model",
    "load_checkpoint": "vsepp.checkpoint",
    "Config": "vsepp.config",
    "load_config": "vsepp.config",
    "InputError": "vsepp.system.errors",
}

_MODULES = ("index", "statistics")  # which README names by their paths

__all__ = [*_HOMES, "__version__"]

# Paddle and NumPy read these once, when they are imported; that happens after this line.
set_thread_variables()


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"vsepp.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'vsepp' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *_HOMES})
