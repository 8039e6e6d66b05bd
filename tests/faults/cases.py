"""What is killed: a tool, where it begins, how it is run again, and what it has to leave."""

import json
import shutil
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import yaml
from captioners import save_captioner
from colour_model import draw_photographs
from faults.tools_killed import files_below
from tiny import make_config, make_data

from vsepp import load_checkpoint


class Case:
    """One tool on tiny data. Subclasses say how it is run and what it leaves.

    Args:
        template: folder that every run begins with a copy of.
    """

    tool = None

    def __init__(self, template):
        self.template = template

    def begin(self, folder):
        """Put everything into a new folder, as it is before the first run."""
        shutil.copytree(self.template, folder)

    def arguments(self, folder):
        """The command line, the first time and when it is run again."""
        raise NotImplementedError

    def result(self, folder):
        """What two runs are compared by."""
        return {
            name: content
            for name, content in files_below(folder).items()
            if not name.endswith(".yml")
        }


class Prepare(Case):
    """Photographs and captions out of an archive."""

    tool = "prepare"

    def arguments(self, folder):
        return [
            "--dataset",
            "tiny",
            "--data-dir",
            "data",
            "--images",
            "tiny.zip",
            "--min-word-count",
            "0",
        ]


class Sample(Prepare):
    """A data set that is drawn."""

    def begin(self, folder):
        folder.mkdir()

    def arguments(self, folder):
        return ["--dataset", "sample", "--data-dir", "data"]


class Download(Prepare):
    """The same archive, from a server."""

    def __init__(self, template, address):
        super().__init__(template)
        self.address = address

    def begin(self, folder):
        folder.mkdir()

    def arguments(self, folder):
        return [
            "--dataset",
            "tiny",
            "--data-dir",
            "data",
            "--download",
            f"{self.address}/tiny.zip",
            "--min-word-count",
            "0",
        ]


class PrepareAnew(Prepare):
    """A prepared data set is prepared again, with other options."""

    def arguments(self, folder):
        return ["--dataset", "tiny", "--data-dir", "data", "--min-word-count", "2", "--force"]


class Features(Case):
    tool = "features"

    def arguments(self, folder):
        return ["-c", "config.yml", "-o", "feature_views=2"]


#: retrieval over stored views, of which an average of the weights is kept
VIEWS = dict(
    image_features="grid",
    image_grid=2,
    image_pooling="gpo",
    resize=72,
    image_size=64,
    feature_views=2,
    text_model="bigru",
    text_pooling="gpo",
    word_dropout=0.1,
    cell_dropout=0.2,
    hard_negative_warmup=1,
    hard_negative_warmup_loss="npair",
    test_flip=True,
    optimizer="adamw",
    schedule="cosine",
    warmup_steps=2,
    ema=0.8,
    num_epochs=2,
)

#: a captioner over stored grids with all that a step draws at random
CAPTIONER = dict(
    caption_model="attention",
    image_features="grid",
    image_grid=2,
    resize=72,
    image_size=64,
    cell_size=8,
    attention_size=8,
    decoder_size=8,
    initial_state="mean",
    feature_views=1,
    cell_dropout=0.2,
    word_dropout=0.1,
    output_dropout=0.2,
    batch_size=20,
    ema=0.8,
    schedule="cosine",
)


class Train(Case):
    """A training, which goes on from its last checkpoint where there is one.

    Args:
        template: see :class:`Case`.
        changes: of the configuration.
    """

    tool = "train"

    def __init__(self, template, **changes):
        super().__init__(template)
        self.changes = changes

    def arguments(self, folder, **changes):
        values = {**self.changes, **changes}
        if (folder / "out" / "last_tiny.ckpt").exists():
            values["checkpoint"] = "last"
        overrides = [f"{key}={json.dumps(value)}" for key, value in values.items()]
        return ["-c", "config.yml", *(["-o", *overrides] if overrides else [])]

    def result(self, folder):
        """Both checkpoints, with the loss of each logged step, and what is stored of the images;
        not how the run was resumed, and in how many processes it read."""
        found = {}
        for name in ("best", "last"):
            checkpoint = load_checkpoint(folder / "out" / f"{name}_tiny.ckpt")
            for key in ("checkpoint", "workers"):
                checkpoint["config"].pop(key)
            for part in ("model", "optimizer", "ema"):
                for parameter, value in _leaves(checkpoint.pop(part, {})):
                    found[f"{name}/{part}/{parameter}"] = value.tobytes()
            found[name] = json.dumps(checkpoint, sort_keys=True)
        return {**found, **files_below(folder / "data")}


class Index(Case):
    tool = "search"

    def arguments(self, folder):
        return [
            "index",
            self.template / "photos",
            "--out",
            "index",
            "--checkpoint",
            self.template / "out" / "best_tiny.ckpt",
        ]

    def begin(self, folder):
        folder.mkdir()


class Convert(Case):
    """A checkpoint to Paddle's format."""

    tool = "convert"

    def arguments(self, folder):
        return ["--pdparams", self.template / "out" / "best_tiny.ckpt", "weights.pdparams"]

    def begin(self, folder):
        folder.mkdir()


class ConvertBackbone(Convert):
    """Those weights of it that are the backbone's, which were converted before."""

    def arguments(self, folder):
        return [
            "--backbone",
            "shufflenet_v2_x0_25",
            self.template / "backbone.safetensors",
            "weights.safetensors",
        ]


class Evaluate(Convert):
    """The scores of a checkpoint."""

    tool = "eval"

    def begin(self, folder):
        for name in ("data", "out"):
            shutil.copytree(self.template / name, folder / name)

    def arguments(self, folder):
        return [*self.shared(), "--json", "out/scores/scores.json"]

    def shared(self):
        return ["--dataset", "tiny", "--data-dir", "data", "--checkpoint", "out/best_tiny.ckpt"]


class Report(Evaluate):
    """The page about a checkpoint."""

    tool = "report"

    def arguments(self, folder):
        return [*self.shared(), "--out", "out/pages/page.html", "--queries", "1"]


class Infer(Evaluate):
    """The photographs for a sentence, as a picture."""

    tool = "infer"

    def arguments(self, folder):
        return [*self.shared(), "--text", "a red square", "--save", "out/pages/answer.png"]


class Query(Convert):
    """The photographs of an index for a sentence, as a page."""

    tool = "search"

    def arguments(self, folder):
        return [
            "query",
            self.template / "index",
            "a red square",
            "--json",
            "answer.json",
            "--html",
            "answer.html",
        ]


class Caption(Case):
    """A table of captions, and files beside photographs; ``template`` is a folder of these."""

    tool = "caption"

    def begin(self, folder):
        shutil.copytree(self.template, folder / "photos")

    def arguments(self, folder):
        checkpoint = self.template.with_name("captioner.ckpt")
        if not checkpoint.exists():
            save_captioner(checkpoint, ["a", "photo", "of", "red", "green", "blue", "shapes"])
        given = ["--images", "photos", "--out", "captions.csv", "--sidecars", "xmp"]
        return [*given, "--checkpoint", checkpoint, "-o", "device=cpu"]

    def result(self, folder):
        """What stays; in the journal stands the folder's name, too."""
        found = super().result(folder)
        return {name: content for name, content in found.items() if not name.endswith(".journal")}


def _leaves(values, above=""):
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{name}/")
        else:
            yield above + name, value


def write_config(folder, **changes):
    """``config.yml`` of a tiny run that writes below ``folder``, in which it is run."""
    config = make_config("data", folder, num_epochs=1, **changes).to_dict()
    config.update(
        run_dir="runs",
        best_checkpoint="out/best_<dataset>.ckpt",
        last_checkpoint="out/last_<dataset>.ckpt",
    )
    (folder / "config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")


class Places:
    """Templates of all cases, below a folder, and the server; a context manager.

    Args:
        folder: where they go.
        tools: ``faults.tools_killed.Tools``.
    """

    def __init__(self, folder, tools):
        self.folder = folder
        archive = folder / "archive"
        data = folder / "data"
        data.mkdir(parents=True)
        archive.mkdir()
        make_data(data / "data")
        write_config(data)
        with zipfile.ZipFile(archive / "tiny.zip", "w", zipfile.ZIP_DEFLATED) as packed:
            for name, content in files_below(data / "data" / "tiny").items():
                if name.startswith(("images/", "dataset_")):
                    packed.writestr(f"tiny/{name}", content)
        self.trained = folder / "trained"
        shutil.copytree(data, self.trained)
        draw_photographs(self.trained / "photos", 40)
        handler = partial(_Quiet, directory=str(archive))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        address = f"http://127.0.0.1:{self._server.server_port}"
        self.cases = {
            "prepare": Prepare(archive),
            "download": Download(archive, address),
            "prepare anew": PrepareAnew(data),
            "features": Features(data),
            "train": Train(data),
            "sample": Sample(archive),
            "train on photographs": Train(data, finetuned=True),
            "train in workers": Train(data, finetuned=True, workers=2),
            "train on views": Train(data, **VIEWS),
            "train a captioner": Train(data, **CAPTIONER),
            "infer": Infer(self.trained),
            "query": Query(self.trained),
            "index": Index(self.trained),
            "caption": Caption(self.trained / "photos"),
            "convert": Convert(self.trained),
            "convert backbone": ConvertBackbone(self.trained),
            "eval": Evaluate(self.trained),
            "report": Report(self.trained),
        }
        self._tools, self._is_trained = tools, False

    def case(self, name):
        """One of ``cases``, with a checkpoint where it needs one."""
        case = self.cases[name]
        if case.template == self.trained and not self._is_trained:
            self.train()
        return case

    def train(self):
        """Make the checkpoint that others begin with; returns where its run was."""
        if not self._is_trained:
            ended = self._tools.run(self.trained, "train", "-c", "config.yml")
            assert ended.status == 0, ended.output
            self._is_trained = True
            _write_backbone(self.trained)
            ended = self._tools.run(
                self.trained,
                "search",
                "index",
                "photos",
                "--out",
                "index",
                "--checkpoint",
                "out/best_tiny.ckpt",
            )
            assert ended.status == 0, ended.output
        return self.trained

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _write_backbone(trained):
    from safetensors.numpy import save_file

    prefix = "image_extractor.backbone."
    model = load_checkpoint(trained / "out" / "best_tiny.ckpt")["model"]
    save_file(
        {name[len(prefix) :]: value for name, value in model.items() if name.startswith(prefix)},
        str(trained / "backbone.safetensors"),
        {"format": "pd"},
    )


class _Quiet(SimpleHTTPRequestHandler):
    """Serves files, slowly enough that a download can be killed, and continues them."""

    def log_message(self, *arguments):
        pass
