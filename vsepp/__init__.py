"""VSE++ on PaddlePaddle: one embedding space for photographs and sentences.

Every public name is imported when it is first used; ``import vsepp`` by itself loads neither
Paddle nor NumPy.
"""

import zlib  # noqa: F401 - before Paddle: 2.6's library would put its own zlib in Pillow's way

from vsepp.system.lazy import lazy_names
from vsepp.system.threads import set_thread_variables

__version__ = "0.2.0.dev0"

_HOMES = {
    "create_dataset": "vsepp.data.preparation",
    "ImageTextDataset": "vsepp.data.image_dataset",
    "FeatureTextDataset": "vsepp.data.feature_dataset",
    "mktrainval": "vsepp.data.loaders",
    "Vocabulary": "vsepp.text.vocabulary",
    "ImageRepExtractor": "vsepp.models.image_encoders.cnn",
    "FeatureRepExtractor": "vsepp.models.image_encoders.features",
    "TextRepExtractor": "vsepp.models.text_encoders.gru",
    "VSEPP": "vsepp.models.vsepp",
    "TripletNetLoss": "vsepp.models.losses",
    "get_optimizer": "vsepp.training.optimizer",
    "train": "vsepp.training",
    "evaluate": "vsepp.retrieval.evaluation",
    "calc_recall": "vsepp.metrics.scores",
    "compute_ranks": "vsepp.metrics.scores",
    "evaluate_codes": "vsepp.metrics.protocol",
    "caption_scores": "vsepp.metrics.captions.scores",
    "Correspondence": "vsepp.metrics.correspondence",
    "load": "vsepp.loading",
    "RetrievalModel": "vsepp.retrieval.model",
    "CaptionModel": "vsepp.captioning.model",
    "plot_attention": "vsepp.report.attention_picture",
    "load_checkpoint": "vsepp.checkpoint",
    "Config": "vsepp.config",
    "load_config": "vsepp.config",
    "InputError": "vsepp.system.errors",
}

# modules that README names by their paths
_MODULES = {"index": "vsepp.index", "statistics": "vsepp.statistics"}

__all__ = [*_HOMES, "__version__"]

# Paddle and NumPy read these once, when they are imported; that happens after this line.
set_thread_variables()

__getattr__, __dir__ = lazy_names(__name__, {**_HOMES, **_MODULES})
