"""Untrained models of every kind, over the data set of ``tiny``."""

from pathlib import Path

from tiny import make_config

TOWERS = Path(__file__).parent / "golden" / "towers"
GRID = dict(image_features="grid", image_pooling="gpo", image_mlp=True, resize=72, image_size=64)
BERT = dict(text_model="bert", text_weights=str(TOWERS / "tiny_bert"), text_pooling="mean")

#: name → keys of the configuration, or the folder of a CLIP
KINDS = {
    "gru": dict(),
    "bigru": dict(text_model="bigru", text_pooling="gpo", embed_size=12),
    "bert": dict(embed_size=24, loss="npair", **BERT),
    "grid": dict(text_model="bigru", text_pooling="max", loss="both", test_flip=True, **GRID),
    "bert_grid": dict(embed_size=20, test_flip=True, loss="soft", **BERT, **GRID),
    "order": dict(measure="order"),
    "order_bert": dict(measure="order", embed_size=10, **BERT),
    "clip": "tiny_clip",
    "chinese_clip": "tiny_chinese_clip",
}


def save_kind(path, kind, data):
    """Write the checkpoint of a model of a kind; returns its path as text.

    Args:
        data: what a prepared data set knows: ``vocabulary`` and ``tokenizer``.
    """
    import paddle

    from vsepp.checkpoint import save_checkpoint
    from vsepp.convert.clip import convert_clip
    from vsepp.models.encoders import encoders_for_training
    from vsepp.models.state import get_state
    from vsepp.models.vsepp import build_model

    if isinstance(KINDS[kind], str):
        convert_clip(TOWERS / KINDS[kind], None, path)
        return str(path)
    config = make_config(path.parent, path.parent, finetuned=True, **KINDS[kind])
    paddle.seed(0)
    text, image = encoders_for_training(config, data)
    more = {"vocab": None, **text.contents(), **image.contents()}
    state = get_state(build_model(text, image))
    save_checkpoint(path, state, config.to_dict(), epoch=1, step=1, **more)
    return str(path)
