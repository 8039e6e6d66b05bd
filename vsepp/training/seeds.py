"""One run for each of several seeds, one after the other, and what each came to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vsepp.checkpoint import read_header
from vsepp.config import Config, apply
from vsepp.data.options import with_prepared_options
from vsepp.data.prepared import Prepared
from vsepp.data.splits import prepared_folder
from vsepp.models.backbones import with_own_images
from vsepp.system.atomic import write_json
from vsepp.system.errors import InputError
from vsepp.system.json_files import read_json
from vsepp.training.position import Position
from vsepp.training.starting import differing_key, held_destinations


@dataclass(frozen=True)
class SeedRun:
    """A run to its end.

    Attributes:
        config: with its seed and its checkpoints.
        result: of the test split, as ``tools/eval.py`` writes it.
        validation: score of the best model on the validation split, see :func:`score_name`.
        minutes: that training took, without features, since it last went on.
        trained: whether anything was left to do.
    """

    config: Config
    result: dict
    validation: float
    minutes: float
    trained: bool


def score_name(config: Config) -> str:
    """What chooses the model of a configuration, as its task calls it."""
    return "CIDEr-D" if config.caption_model else "rsum"


def of_seed(config: Config, seed: int) -> Config:
    """The configuration of one seed's run: ``best.ckpt`` becomes ``best_seed1.ckpt``."""
    paths = {}
    for key in ("best_checkpoint", "last_checkpoint"):
        path = Path(getattr(config, key))
        paths[key] = str(path.with_name(f"{path.stem}_seed{seed}{path.suffix}"))
    return apply(config, {"seed": seed}, "--seeds").replaced(**paths)


def train_seeds(config: Config, seeds: Sequence[int]) -> Iterator[SeedRun]:
    """Train once for each seed. What an interrupted call has done, the next one goes on from: a
    run that is over is not trained again, one that is not resumes from its last checkpoint. A
    checkpoint of another configuration is moved aside, as a single run does.

    The result of each is kept beside its best checkpoint, where ``tools/eval.py`` keeps its own.

    Yields:
        each run, in the order of the seeds, once it is over

    Raises:
        InputError: for a seed that is there twice, a ``checkpoint``, or as
            :func:`vsepp.training.train`.
    """
    twice = {seed for seed in seeds if list(seeds).count(seed) > 1}
    if twice:
        raise InputError(f"--seeds has {min(twice)} more than once: give each seed once.")
    if config.checkpoint:
        raise InputError(
            "checkpoint is of one run: leave it out, the same command with --seeds goes on from "
            "where each of its runs is."
        )
    prepared = Prepared(prepared_folder(config.data_dir, config.dataset))
    config = with_own_images(with_prepared_options(config, prepared))
    runs = [of_seed(config, seed) for seed in seeds]
    for run in runs:
        yield _finished(run) or _train(run)


def result_path(config: Config, kind: str = "") -> Path:
    """Where the result of a run's best model on the test split is kept."""
    best = config.path("best_checkpoint")
    return best.with_name(f"{best.stem}.{config.dataset}_test{kind}.json")


def _train(config: Config) -> SeedRun:
    from vsepp.training import build_trainer

    begun = _position(config) is not None
    resumed = config.replaced(checkpoint=str(config.path("last_checkpoint")) if begun else None)
    with held_destinations(resumed):
        trainer = build_trainer(resumed)
        trainer.run()
    path = config.path("best_checkpoint")
    best = read_header(path)
    result = trainer.tested.shown.result.of(str(path), best["fingerprint"]).to_dict()
    write_json(result_path(config), {**result, "minutes": trainer.minutes}, indent=2)
    return SeedRun(
        config, result, best["metrics"][score_name(config)], trainer.minutes, trained=True
    )


def _finished(config: Config) -> SeedRun | None:
    """A run whose end was seen before, or None."""
    position, path = _position(config), result_path(config)
    over = position is not None and (
        position.epoch >= config.num_epochs
        or position.stalled(config.early_stop, score_name(config))
    )
    if not over or not path.exists() or not config.path("best_checkpoint").exists():
        return None
    result = read_json(path, "remove it, and it is written anew")
    best = read_header(config.path("best_checkpoint"))
    if not isinstance(result, dict) or result.get("fingerprint") != best["fingerprint"]:
        return None
    minutes = result.pop("minutes", 0.0)
    return SeedRun(config, result, best["metrics"][score_name(config)], minutes, trained=False)


def _position(config: Config) -> Position | None:
    """Where a run of this configuration is by its last checkpoint; None where none has begun, or
    its best model is not there any more."""
    path = config.path("last_checkpoint")
    if not path.exists():
        return None
    header = read_header(path)
    if "position" not in header or differing_key(config, header["config"]):
        return None
    position = Position.restored(header["position"], str(path))
    if position.best_step and not config.path("best_checkpoint").exists():
        return None
    return position
