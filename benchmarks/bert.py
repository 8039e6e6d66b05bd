"""BERT, of MiniLM's size: its step, and codes of sentences."""

from benchmarks.encoder_codes import measure_codes
from benchmarks.encoder_step import measure_steps
from benchmarks.results import Result

TITLE = "BERT"
SMOKE = dict(
    batches=2,
    batch=4,
    sentences=21,
    vocabulary=20,
    layers=2,
    hidden_size=8,
    heads=2,
    inner_size=12,
    embed_size=6,
)


def measure(
    bench,
    batches=2,
    batch=128,
    sentences=5000,
    vocabulary=30522,
    layers=6,
    hidden_size=384,
    heads=12,
    inner_size=1536,
    embed_size=1024,
    dropout=0.1,
    mean=14,
    longest=28,
    rounds=5,
):
    """The step with dropout, and codes, each against PyTorch without padding and with it."""
    result = Result(
        f"{TITLE}: {layers} layers of {hidden_size} numbers, batch {batch}, mean length {mean}"
    )
    sizes = dict(
        vocabulary=vocabulary,
        layers=layers,
        hidden_size=hidden_size,
        heads=heads,
        inner_size=inner_size,
        embed_size=embed_size,
        dropout=dropout,
        mean=mean,
        longest=longest,
    )
    measure_steps(bench, result, "bert", sizes, batches, batch, rounds, padded=True)
    measure_codes(bench, result, "bert", sizes, sentences, batch, 2, "sentences", padded=True)
    return result
