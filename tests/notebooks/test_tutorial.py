"""The notebook that walks the tutorial's cells runs from top to bottom."""

from notebooks.reading import ROOT, cells_of, run_quickly, source

from vsepp import load

PATH = ROOT / "notebooks" / "vsepp_tutorial.ipynb"


def test_it_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    names = run_quickly(PATH, tmp_path, monkeypatch)

    printed = capsys.readouterr().out
    assert "'train_data.json'" in printed and "[8, 3, 64, 64]" in printed
    assert "epoch 0, step 4, loss " in printed and printed.count("r10_t2i") >= 2
    sentences = names["sentences"]
    shown = [line[8:] for line in printed.splitlines() if line[:2] in ("* ", "  ")]
    assert len([sentence for sentence in shown if sentence in sentences]) == 5
    assert "['epoch', 'model', 'optimizer', 'step'] epoch 0" in printed
    assert load(tmp_path / "runs/tutorial/best_sample.ckpt").config.image_size == 64
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "runs"]


def test_it_walks_the_steps_of_the_tutorial():
    text = "".join(map(source, cells_of(PATH, "code")))
    steps = [
        *("create_dataset(", "ImageTextDataset(", "mktrainval(", "VSEPP(", "TripletNetLoss("),
        *("get_optimizer(", "loss.backward()", "evaluate(", "IMAGE = 12", "--to-tutorial"),
    ]
    places = [text.index(step) for step in steps]
    assert places == sorted(places)
