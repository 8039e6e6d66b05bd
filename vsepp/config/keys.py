"""Every key of a configuration, with its type, default and meaning."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional, Union

AUTO = "auto"

#: What ``prepared.json`` knows. Whoever reads a data set takes it from there, see
#: ``vsepp.data.options``; the defaults are those of preparing one.
PREPARED_KEYS = ("captions_per_image", "min_word_count", "max_len")


def _key(
    default: Any,
    types: tuple,
    meaning: str,
    choices: tuple[str, ...] | None = None,
    minimum: float | None = None,
    above: float | None = None,
    below: float | None = None,
    maximum: int = 2**31 - 1,
) -> Any:
    metadata = dict(
        types=types,
        meaning=meaning,
        choices=choices,
        minimum=minimum,
        above=above,
        below=below,
        maximum=maximum,
    )
    return field(default=default, metadata=metadata)


@dataclass
class Config:
    """All keys of a run. Attribute access: ``config.margin``.

    Attributes:
        given: the keys that a file or ``-o`` set, where :func:`load_config` made it.
        incidental: those of them that only a run's own record of itself set.
    """

    # data
    dataset: str = _key("flickr8k", (str,), "name of the data set: the folder below data_dir")
    data_dir: str = _key("./data", (str,), "folder that holds the data sets")
    captions_per_image: int = _key(
        5, (int,), "of prepare: captions that belong to one image", minimum=1, maximum=10_000
    )
    min_word_count: int = _key(
        5,
        (int,),
        "of prepare: a word is kept when it occurs more often than this outside test",
        minimum=0,
    )
    max_len: int = _key(
        30, (int,), "of prepare: longest caption kept, in words", minimum=1, maximum=10_000
    )
    use_restval: bool = _key(False, (bool,), "COCO: train on the restval split too")
    resize: int = _key(
        256, (int,), "shorter side of an image before cropping, in pixels", minimum=1, maximum=9000
    )
    image_size: int = _key(
        224, (int,), "side of the square crop the network sees", minimum=1, maximum=9000
    )
    pixels: str = _key(
        "imagenet",
        (str,),
        "how pixels are normalised: by ImageNet's mean and deviation, or to −1…1; unless resize, "
        "image_size and this are given, they are as the backbone wants them",
        choices=("imagenet", "symmetric"),
    )
    workers: Union[int, str] = _key(
        AUTO, (int, AUTO), "processes that load images", minimum=0, maximum=1024
    )
    features: Union[bool, str] = _key(
        AUTO,
        (bool, AUTO),
        "train on stored features of the frozen backbone (auto: when it is frozen)",
    )
    image_store: bool = _key(
        False, (bool,), "decode and resize the photographs once, into a large file beside the data"
    )
    # model
    image_model: str = _key("resnet152", (str,), "image backbone")
    finetuned: bool = _key(True, (bool,), "train the backbone as well")
    pretrained: bool = _key(
        True, (bool,), "start the backbone from ImageNet weights (may download)"
    )
    weights: Optional[str] = _key(
        None,
        (str, None),
        "file with the backbone's weights, or a checkpoint whose model looks with it; of a CLIP, "
        "its checkpoint",
    )
    backbone_precision: str = _key(
        "float32",
        (str,),
        "of a frozen backbone on a CPU: bfloat16 is twice as fast where the processor has it",
        choices=("float32", "bfloat16"),
    )
    image_features: str = _key(
        "global",
        (str,),
        "what a backbone gives of an image: one vector, or one of each cell of its last map",
        choices=("global", "grid"),
    )
    image_grid: int = _key(
        0,
        (int,),
        "cells a side of the grid, averaged over the backbone's own (0: as it has them)",
        minimum=0,
        maximum=64,
    )
    image_pooling: str = _key(
        "mean", (str,), "how the cells of a grid become one code", choices=("mean", "max", "gpo")
    )
    image_mlp: bool = _key(
        False, (bool,), "a residual MLP beside the linear layer of the image encoder"
    )
    feature_views: int = _key(
        0,
        (int,),
        "further views of each training photograph with stored features: its mirror image, then "
        "seeded crops",
        minimum=0,
        maximum=64,
    )
    test_flip: bool = _key(
        False, (bool,), "a photograph's code is the average over it and its mirror image"
    )
    text_model: str = _key("gru", (str,), "text encoder (gru, bigru, bert, clip, chinese_clip)")
    text_weights: Optional[str] = _key(
        None,
        (str, None),
        "folder of a pretrained text encoder, as Hugging Face or PaddleNLP keep it; of a CLIP, its "
        "checkpoint",
    )
    text_frozen: bool = _key(False, (bool,), "do not train the pretrained text encoder")
    text_pooling: str = _key(
        AUTO,
        (str,),
        "how the words' states become one code (auto: last of a GRU, first of BERT)",
        choices=(AUTO, "last", "first", "mean", "max", "gpo"),
    )
    word_vectors: Optional[str] = _key(
        None,
        (str, None),
        "text file of GloVe, word2vec or fastText, plain or .gz, that the embedding begins with",
    )
    word_dim: int = _key(300, (int,), "size of a word's embedding", minimum=1, maximum=2**16)
    embed_size: int = _key(1024, (int,), "size of the joint embedding", minimum=1, maximum=2**16)
    num_layers: int = _key(1, (int,), "layers of the GRU", minimum=1, maximum=100)
    projection: str = _key(
        "linear",
        (str,),
        "what an encoder ends in: a linear layer, or the residual block of the dual encoder",
        choices=("linear", "residual"),
    )
    normalize_features: bool = _key(
        False, (bool,), "L2-normalise the backbone's features before the linear layer"
    )
    normalize_images: bool = _key(
        True, (bool,), "L2-normalise the image codes (projection=residual: all codes)"
    )
    use_abs: bool = _key(False, (bool,), "take absolute values of the codes")
    measure: str = _key("cosine", (str,), "similarity", choices=("cosine", "order"))
    # captioner
    caption_model: Optional[str] = _key(
        None,
        (str, None),
        "train a captioner with this decoder (attention, addnorm); null: a retrieval model",
    )
    cell_size: int = _key(
        256,
        (int,),
        "numbers that a captioner makes of a cell of the grid",
        minimum=1,
        maximum=2**16,
    )
    attention_size: int = _key(
        256,
        (int,),
        "hidden numbers of caption_model=attention's attention",
        minimum=1,
        maximum=2**16,
    )
    heads: int = _key(1, (int,), "of caption_model=addnorm's attention", minimum=1, maximum=256)
    decoder_size: int = _key(
        512, (int,), "numbers of the decoder's state", minimum=1, maximum=2**16
    )
    initial_state: str = _key(
        "zero",
        (str,),
        "what a decoder begins with: zeros, or what a linear layer makes of the mean cell",
        choices=("zero", "mean"),
    )
    max_words: int = _key(
        0, (int,), "a captioner knows only the commonest words, so many (0: all)", minimum=0
    )
    label_smoothing: float = _key(
        0.0, (float,), "share of a word's target that goes to all words alike", minimum=0, below=1
    )
    doubly_stochastic: float = _key(
        0.0,
        (float,),
        "weight of the penalty on cells that a caption's words attend to too much or too little",
        minimum=0,
    )
    self_critical: int = _key(
        0,
        (int,),
        "last epochs of a captioner, in which CIDEr-D of sampled sentences is what is trained on",
        minimum=0,
    )
    self_critical_samples: int = _key(
        5, (int,), "sentences that are sampled for an image then", minimum=2, maximum=1000
    )
    self_critical_temperature: float = _key(
        0.5, (float,), "of the sampling: likelier words become likelier below 1", above=0
    )
    beam: int = _key(
        3, (int,), "sentences that a captioner follows at a time", minimum=1, maximum=1000
    )
    length_penalty: float = _key(
        0.0,
        (float,),
        "exponent by which longer sentences of a beam gain (0: none)",
        minimum=0,
        below=10,
    )
    block_ngram: int = _key(
        0, (int,), "no n-gram of so many words twice in a sentence (0: no such block)", minimum=0
    )
    # loss
    loss: str = _key(
        "triplet",
        (str,),
        "ranking loss; both: triplet and npair, weighted; soft: targets from both sides' own "
        "similarities",
        choices=("triplet", "npair", "both", "soft"),
    )
    triplet_weight: float = _key(1.0, (float,), "of the triplet loss in both", minimum=0)
    npair_weight: float = _key(1.0, (float,), "of the N-pair loss in both", minimum=0)
    margin: float = _key(0.2, (float,), "margin of the triplet loss", minimum=0)
    hard_negative: bool = _key(True, (bool,), "only the hardest negative of the batch counts")
    hard_negative_warmup: int = _key(
        0, (int,), "epochs with another loss before hard_negative sets in", minimum=0
    )
    hard_negative_warmup_loss: str = _key(
        "sum",
        (str,),
        "of these epochs: the sum of hinges, or the N-pair loss",
        choices=("sum", "npair"),
    )
    mask_same_image: bool = _key(
        False, (bool,), "other captions of the same image are not negatives"
    )
    mask_equal_captions: bool = _key(
        False, (bool,), "captions that are word for word equal are not negatives of each other"
    )
    # regularisation
    feature_dropout: float = _key(
        0.0, (float,), "share of an image's features that a step leaves out", minimum=0, below=1
    )
    cell_dropout: float = _key(
        0.0, (float,), "share of a grid's cells that a step leaves out", minimum=0, below=1
    )
    embedding_dropout: float = _key(
        0.0, (float,), "share of the words' embeddings that a step leaves out", minimum=0, below=1
    )
    word_dropout: float = _key(
        0.0, (float,), "share of whole words that a step leaves out", minimum=0, below=1
    )
    output_dropout: float = _key(
        0.0,
        (float,),
        "share of the words' states, before they are pooled, that a step leaves out",
        minimum=0,
        below=1,
    )
    # optimisation
    batch_size: int = _key(16, (int,), "image-caption pairs in a batch", minimum=1)
    micro_batch_size: int = _key(
        0,
        (int,),
        "images that a backbone in training sees at a time, in less memory; the loss "
        "still sees the batch (0: all)",
        minimum=0,
    )
    sync_batch_norm: bool = _key(
        True,
        (bool,),
        "several cards: batch-norm of a backbone in training sees the batch of all of them "
        "(false: it keeps its statistics)",
    )
    recompute: bool = _key(
        False, (bool,), "compute the backbone's activations twice instead of keeping them"
    )
    batch_by_length: bool = _key(
        False, (bool,), "batches of captions of similar length: less padding"
    )
    optimizer: str = _key("adam", (str,), "Adam, or AdamW", choices=("adam", "adamw"))
    weight_decay: float = _key(0.0, (float,), "of AdamW", minimum=0)
    schedule: str = _key(
        "step",
        (str,),
        "of the learning rate: cuts between epochs, or a cosine to min_learning_rate",
        choices=("step", "cosine"),
    )
    warmup_steps: int = _key(0, (int,), "steps in which the learning rate rises from 0", minimum=0)
    pretrained_lr: float = _key(
        0.1, (float,), "factor on the learning rate of a pretrained text encoder", minimum=0
    )
    ema: float = _key(
        0.0,
        (float,),
        "decay of a moving average of the weights, which is what is validated and saved (0: none)",
        minimum=0,
        below=1,
    )
    early_stop: int = _key(
        0, (int,), "validations without a better score after which a run ends (0: none)", minimum=0
    )
    num_epochs: int = _key(45, (int,), "passes over the training captions", minimum=1)
    learning_rate: float = _key(0.00002, (float,), "Adam's learning rate at the start", above=0)
    lr_update: int = _key(15, (int,), "epochs between two cuts of the learning rate", minimum=1)
    lr_decay: float = _key(0.5, (float,), "factor of each cut", above=0)
    min_learning_rate: float = _key(
        0.000002, (float,), "the learning rate never goes below", minimum=0
    )
    grad_clip: float = _key(2.0, (float,), "largest global norm of the gradients", above=0)
    evaluate_step: int = _key(60, (int,), "steps between two validations", minimum=1)
    save_seconds: int = _key(
        300,
        (int,),
        "seconds after which a validation writes the last checkpoint anew (0: each does); "
        "the end of an epoch and a stop always do",
        minimum=0,
    )
    log_step: int = _key(10, (int,), "steps between two lines of the log", minimum=1)
    seed: int = _key(0, (int,), "everything random follows from it", minimum=0)
    device: str = _key(AUTO, (str,), "where to compute", choices=(AUTO, "cpu", "gpu"))
    amp: str = _key(
        "off",
        (str,),
        "mixed precision on a GPU; float16's loss scale begins anew when a run goes on",
        choices=("off", "bfloat16", "float16"),
    )
    # files
    checkpoint: Optional[str] = _key(
        None, (str, None), "resume exactly from this checkpoint (or: last)"
    )
    init_from: Optional[str] = _key(
        None, (str, None), "take the weights alone from this checkpoint"
    )
    best_checkpoint: str = _key(
        "./model/vsepp/best_<dataset>.ckpt", (str,), "where the best model on validation goes"
    )
    last_checkpoint: str = _key(
        "./model/vsepp/last_<dataset>.ckpt", (str,), "where the state to resume from goes"
    )
    run_dir: str = _key("./runs", (str,), "where logs, curves and VisualDL files go")

    def __post_init__(self) -> None:
        self.given: frozenset[str] = frozenset()
        self.incidental: frozenset[str] = frozenset()

    def gives(self, key: str) -> bool:
        """Whether somebody chose the value of ``key``: in a file, with ``-o``, or in Python."""
        if key in self.given:
            return key not in self.incidental
        return getattr(self, key) != KEYS[key].default

    def replaced(self, **values: Any) -> Config:
        """A copy with other values, which counts the same keys as given."""
        result = dataclasses.replace(self, **values)
        result.given, result.incidental = self.given, self.incidental
        return result

    def to_dict(self) -> dict[str, Any]:
        """The keys and values as a plain dictionary."""
        return dataclasses.asdict(self)

    def path(self, key: str) -> Path:
        """The value of a path key with ``<dataset>`` filled in, as a ``Path``."""
        return Path(getattr(self, key).replace("<dataset>", self.dataset))


KEYS = {key.name: key for key in dataclasses.fields(Config)}
