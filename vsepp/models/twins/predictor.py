"""Running a frozen backbone fast: Paddle Inference with oneDNN on a CPU, as it is on a GPU."""

from __future__ import annotations

import contextlib
import io
import math
import os
import tempfile
from collections.abc import Callable, Sequence

import numpy as np
import paddle

from vsepp.data.transforms import MEAN, STD, normalize
from vsepp.system.atomic import naming
from vsepp.system.errors import InputError
from vsepp.system.memory import keep_freed
from vsepp.system.passed_lines import without_lines
from vsepp.system.signals import held_back
from vsepp.system.threads import computes_in_bfloat16, cpu_count

#: what Paddle 3.3 logs of a sum or a softmax in a network that is exported
LOGGED_IN_VAIN = "not support input out tensor for now"
_PROGRAM_BYTES = 1 << 22  # what Paddle writes beside the weights takes less


class BackbonePredictor:
    """Images → features under a backbone in evaluation mode.

    Args:
        backbone: a ``paddle.nn.Layer`` as ``build_backbone`` makes it.
        image_size: side of the images, in pixels.
        batch_size: images per call of the network.
        precision: of the products on a CPU: ``float32`` or ``bfloat16``, in which they take half
            the time, and features of ImageNet networks keep a cosine of 0.999 and more with
            those in float32.
        mean, std: that pixels are normalised with, of the channels, in units of 255.

    Raises:
        InputError: when the processor does not compute in bfloat16.
    """

    def __init__(
        self,
        backbone: paddle.nn.Layer,
        image_size: int,
        batch_size: int = 16,
        precision: str = "float32",
        mean: Sequence[float] | np.ndarray = MEAN,
        std: Sequence[float] | np.ndarray = STD,
    ) -> None:
        if precision == "bfloat16" and not computes_in_bfloat16():
            raise InputError(
                "backbone_precision: this processor has no instructions for "
                "bfloat16: set backbone_precision=float32."
            )
        self.batch_size = batch_size
        self.mean, self.std = mean, std
        backbone.eval()
        if paddle.get_device() == "cpu":
            keep_freed()  # 300 MB to a batch of ResNet-50
            self._run = _optimised(backbone, image_size, precision)
        else:
            self._run = self._eager(backbone)

    @staticmethod
    def _eager(backbone: paddle.nn.Layer) -> Callable[[np.ndarray], np.ndarray]:
        @paddle.no_grad()
        def run(images: np.ndarray) -> np.ndarray:
            return backbone(paddle.to_tensor(images)).numpy()

        return run

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 ``[n, image_size, image_size, 3]`` → float32 ``[n, feature_size]``."""
        parts = []
        for start in range(0, len(pixels), self.batch_size):
            images = normalize(pixels[start : start + self.batch_size], self.mean, self.std)
            count = len(images)
            if count < self.batch_size:  # a new shape would be compiled anew
                rest = np.zeros((self.batch_size - count, *images.shape[1:]), np.float32)
                images = np.concatenate([images, rest])
            parts.append(self._run(images)[:count])
        return np.concatenate(parts)


def _optimised(
    backbone: paddle.nn.Layer, image_size: int, precision: str
) -> Callable[[np.ndarray], np.ndarray]:
    """A function of float32 images that runs ``backbone`` through Paddle Inference and oneDNN."""
    from paddle import inference

    with held_back(), tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "backbone")
        check_room(path, backbone)
        spec = paddle.static.InputSpec([None, 3, image_size, image_size], "float32", "images")
        with contextlib.redirect_stdout(io.StringIO()), without_lines(LOGGED_IN_VAIN):
            paddle.jit.save(backbone, path, input_spec=[spec])
        program = next(path + kind for kind in (".json", ".pdmodel") if os.path.exists(path + kind))
        config = inference.Config(program, path + ".pdiparams")
        config.disable_gpu()
        config.enable_mkldnn()
        if precision == "bfloat16":
            config.enable_mkldnn_bfloat16()
        config.set_cpu_math_library_num_threads(cpu_count())
        config.disable_glog_info()
        predictor = inference.create_predictor(config)
    source = predictor.get_input_handle(predictor.get_input_names()[0])
    result = predictor.get_output_handle(predictor.get_output_names()[0])

    def run(images: np.ndarray) -> np.ndarray:
        source.copy_from_cpu(images)
        predictor.run()
        return result.copy_to_cpu()

    return run


def check_room(path: str, network: paddle.nn.Layer) -> None:
    """OSError, naming ``path``, where a file as large as a network cannot be written.

    Paddle says nothing on a full disk, and then reads what there was room for.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    size = sum(4 * math.prod(value.shape) for value in network.state_dict().values())
    with naming(path), open(path, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, size + _PROGRAM_BYTES)
    os.unlink(path)
