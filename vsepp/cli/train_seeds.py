"""``vsepp train --seeds``: several runs, and how far they lie apart."""


def train_all(config, seeds):
    """Train once for each seed, print what came of it; returns the configuration of the run that
    is the best on validation."""
    from vsepp.cli.summaries import tables_of
    from vsepp.report.tables import format_table
    from vsepp.system.atomic import write_json
    from vsepp.training.seeds import result_path, score_name, train_seeds

    if config.gives("seed") and config.seed not in seeds:
        print(f"seed={config.seed} has no effect: --seeds gives the seeds")
    runs = []
    for run in train_seeds(config, seeds):
        if not run.trained:
            best = run.config.path("best_checkpoint")
            print(f"seed {run.config.seed} was trained before: {best}")
        runs.append(run)
    score = score_name(config)
    rows = [
        {
            "seed": run.config.seed,
            f"validation {score}": run.validation,
            f"test {score}": run.result[score],
            "minutes": run.minutes,
            "checkpoint": str(run.config.path("best_checkpoint")),
        }
        for run in runs
    ]
    cells = [
        [row["seed"], *(f"{row[key]:.1f}" for key in list(row)[1:4]), row["checkpoint"]]
        for row in rows
    ]
    print(format_table(cells, list(rows[0]), "rrrrl"))
    results = [run.result for run in runs]
    summary = {"seeds": rows}
    heading, summarise, summary_table = tables_of(bool(config.caption_model))
    if len(runs) > 1:
        summary = {**summarise(results, [row["checkpoint"] for row in rows]), **summary}
        print("\n" + summary_table(summary))
    else:
        print("\n" + heading(results[0]) + " One seed has no spread: give two or more.")
    path = result_path(config, "_seeds")
    write_json(path, summary, indent=2)
    print(f"written to {path}")
    return max(runs, key=lambda run: run.validation).config
