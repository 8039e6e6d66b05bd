"""A checkpoint to measure with."""

from benchmarks import synthetic


def save_random_model(path, words, **changes):
    """Write a model with random weights, over a frozen backbone that the checkpoint holds.

    Args:
        path: of the file.
        words: of the vocabulary, ``synthetic.vocabulary``.
        changes: of the configuration's defaults.
    """
    import paddle

    import vsepp
    from vsepp.checkpoint import save_checkpoint
    from vsepp.config import Config
    from vsepp.models.state import get_state

    config = Config(pretrained=False, finetuned=False, **changes)
    paddle.seed(0)
    network = vsepp.VSEPP(
        words,
        config.word_dim,
        config.embed_size,
        config.num_layers,
        config.image_model,
        finetuned=False,
        pretrained=False,
    )
    save_checkpoint(
        path, get_state(network), config.to_dict(), synthetic.vocabulary(words), epoch=1, step=0
    )
