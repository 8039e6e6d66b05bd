"""Adam with stepped decay and global-norm clipping."""

import paddle
from paddle.optimizer.lr import LRScheduler

from vsepp.config import Config


class SteppedDecay(LRScheduler):
    """The learning rate times ``lr_decay`` every ``lr_update`` epochs, with a floor.

    The caller steps it once per epoch. A rate that starts below the floor stays as it is.
    """

    def __init__(self, learning_rate, lr_update, lr_decay, min_learning_rate):
        self.lr_update = lr_update
        self.lr_decay = lr_decay
        self.floor = min(min_learning_rate, learning_rate)
        super().__init__(learning_rate)

    def get_lr(self):
        cuts = self.last_epoch // self.lr_update
        return max(self.base_lr * self.lr_decay ** cuts, self.floor)


def get_optimizer(model, config):
    """Adam over the trainable parameters of ``model``.

    Args:
        model: a ``paddle.nn.Layer``.
        config: any object with attributes ``learning_rate, lr_update, lr_decay,
            min_learning_rate, grad_clip``; missing ones take the documented defaults.

    Returns:
        paddle.optimizer.Adam: its learning rate is a scheduler that the caller steps once
        per epoch (``optimizer._learning_rate.step()``); gradients are clipped to the global
        norm ``grad_clip``.
    """
    defaults = Config()

    def value(key):
        return getattr(config, key, getattr(defaults, key))

    schedule = SteppedDecay(value("learning_rate"), value("lr_update"), value("lr_decay"),
                            value("min_learning_rate"))
    return paddle.optimizer.Adam(
        learning_rate=schedule,
        parameters=[parameter for parameter in model.parameters() if not parameter.stop_gradient],
        grad_clip=paddle.nn.ClipGradByGlobalNorm(value("grad_clip")))
