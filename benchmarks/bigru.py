"""The GRU that reads captions both ways, with learned pooling: its step, and codes of sentences."""

from benchmarks.encoder_codes import measure_codes
from benchmarks.encoder_step import measure_steps
from benchmarks.results import Result

TITLE = "bidirectional GRU with GPO"
SMOKE = dict(batches=2, batch=4, sentences=21, vocabulary=20, word_dim=5, embed_sizes=(6,))


def measure(
    bench,
    batches=3,
    batch=128,
    sentences=5000,
    vocabulary=2600,
    word_dim=300,
    embed_sizes=(1024, 512),
    mean=13,
    longest=30,
    rounds=5,
):
    """The step at several sizes; codes at the first."""
    result = Result(f"{TITLE}: batch {batch}, {word_dim} numbers a word, mean length {mean}")
    words = dict(vocabulary=vocabulary, word_dim=word_dim, mean=mean, longest=longest)
    for size in embed_sizes:
        sizes = {**words, "embed_size": size}
        measure_steps(bench, result, "bigru", sizes, batches, batch, rounds, f"step, {size}")
    sizes = {**words, "embed_size": embed_sizes[0]}
    measure_codes(bench, result, "bigru", sizes, sentences, batch, 3, "sentences")
    return result
