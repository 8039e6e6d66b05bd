"""What type checkers know of the public names; ``__init__.py`` imports them when first used."""

from vsepp.captioning.model import CaptionModel as CaptionModel
from vsepp.checkpoint import load_checkpoint as load_checkpoint
from vsepp.config import Config as Config
from vsepp.config import load_config as load_config
from vsepp.data.feature_dataset import FeatureTextDataset as FeatureTextDataset
from vsepp.data.image_dataset import ImageTextDataset as ImageTextDataset
from vsepp.data.loaders import mktrainval as mktrainval
from vsepp.data.preparation import create_dataset as create_dataset
from vsepp.loading import load as load
from vsepp.metrics.captions.scores import caption_scores as caption_scores
from vsepp.metrics.correspondence import Correspondence as Correspondence
from vsepp.metrics.protocol import evaluate_codes as evaluate_codes
from vsepp.metrics.scores import calc_recall as calc_recall
from vsepp.metrics.scores import compute_ranks as compute_ranks
from vsepp.models.image_encoders.cnn import ImageRepExtractor as ImageRepExtractor
from vsepp.models.image_encoders.features import FeatureRepExtractor as FeatureRepExtractor
from vsepp.models.losses import TripletNetLoss as TripletNetLoss
from vsepp.models.text_encoders.gru import TextRepExtractor as TextRepExtractor
from vsepp.models.vsepp import VSEPP as VSEPP
from vsepp.report.attention_picture import plot_attention as plot_attention
from vsepp.retrieval.evaluation import evaluate as evaluate
from vsepp.retrieval.model import RetrievalModel as RetrievalModel
from vsepp.system.errors import InputError as InputError
from vsepp.text.vocabulary import Vocabulary as Vocabulary
from vsepp.training import train as train
from vsepp.training.optimizer import get_optimizer as get_optimizer

__version__: str
