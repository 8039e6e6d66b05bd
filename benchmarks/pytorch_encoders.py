"""The encoders in plain PyTorch, as its users write them; names of parameters are ours."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks import encoder_data
from benchmarks.pytorch import triplet_loss


def _both_ways(gru, values, lengths):
    """States of a bidirectional GRU over packed sentences, averaged: ``[batch, time, size]``."""
    packed = pack_padded_sequence(values, lengths, batch_first=True, enforce_sorted=False)
    states, _ = pad_packed_sequence(gru(packed)[0], batch_first=True)
    ahead, back = states.chunk(2, dim=2)
    return (ahead + back) / 2


class GPO(nn.Module):
    """Generalised pooling, as its authors wrote it (VSE∞)."""

    def __init__(self, size=32):
        super().__init__()
        self.gru = nn.GRU(size, size, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(size, 1, bias=False)
        self.size = size

    def forward(self, values, lengths):
        longest = int(lengths.max())
        positions = torch.arange(longest)[:, None].float()
        rates = torch.exp(torch.arange(0, self.size, 2).float() * -(math.log(1e4) / self.size))
        encodings = torch.zeros(longest, self.size)
        encodings[:, 0::2] = torch.sin(positions * rates)
        encodings[:, 1::2] = torch.cos(positions * rates)
        padding = (torch.arange(longest) >= lengths[:, None])[:, :, None]
        encodings = encodings.repeat(len(lengths), 1, 1).masked_fill(padding, 0)
        scores = self.linear(_both_ways(self.gru, encodings, lengths))
        weights = functional.softmax(scores.masked_fill(padding, -1e4) / 0.1, dim=1)
        ranked = values.masked_fill(padding, -1e4).sort(dim=1, descending=True)[0]
        return (ranked.masked_fill(padding, 0) * weights).sum(dim=1)


class BiGRU(nn.Module):
    """A packed GRU in both directions, and GPO over its states."""

    def __init__(self, sizes, padded=False):
        super().__init__()
        self.embedding = nn.Embedding(sizes["vocabulary"], sizes["word_dim"])
        self.gru = nn.GRU(
            sizes["word_dim"], sizes["embed_size"], batch_first=True, bidirectional=True
        )
        self.pooling = GPO()

    def forward(self, captions, lengths):
        states = _both_ways(self.gru, self.embedding(captions), lengths)
        return functional.normalize(self.pooling(states, lengths), dim=1)


class Grid(nn.Module):
    """A linear layer and a residual MLP over cells, and GPO over what they give."""

    def __init__(self, sizes):
        super().__init__()
        size, embed_size = sizes["feature_size"], sizes["embed_size"]
        hidden = max(embed_size // 2, 1)
        self.fc = nn.Linear(size, embed_size)
        self.mlp = nn.Sequential(nn.Linear(size, hidden), nn.ReLU(), nn.Linear(hidden, embed_size))
        self.pooling = GPO()

    def forward(self, cells):
        cells = cells.float()
        values = self.fc(cells) + self.mlp(cells)
        lengths = torch.full((len(cells),), cells.shape[1])
        return functional.normalize(self.pooling(values, lengths), dim=1)


class _Layer(nn.Module):
    """Of BERT. Queries, keys and values are one product, and attention is PyTorch's own."""

    def __init__(self, sizes):
        super().__init__()
        size, inner = sizes["hidden_size"], sizes["inner_size"]
        self.heads, self.dropout = sizes["heads"], sizes["dropout"]
        self.query, self.key, self.value = (nn.Linear(size, size) for _ in range(3))
        self.output = nn.Linear(size, size)
        self.norm_attention = nn.LayerNorm(size, 1e-12)
        self.up, self.down = nn.Linear(size, inner), nn.Linear(inner, size)
        self.norm_output = nn.LayerNorm(size, 1e-12)

    def forward(self, states, there, rows):
        """``rows``: places of the words that are there; None where padding is computed too."""
        parts = self.query, self.key, self.value
        gates = functional.linear(
            states, torch.cat([part.weight for part in parts]), torch.cat([p.bias for p in parts])
        )
        batch, time = there.shape
        if rows is not None:
            gates = gates.new_zeros(batch * time, gates.shape[1]).index_copy(0, rows, gates)
        query, key, value = gates.view(batch, time, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        found = functional.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=there[:, None, None, :].expand(batch, 1, time, time),
            dropout_p=self.dropout if self.training else 0.0,
        )
        found = found.transpose(1, 2).reshape(batch * time, -1)
        found = found.view(batch, time, -1) if rows is None else found.index_select(0, rows)
        states = self.norm_attention(states + self._dropped(self.output(found)))
        inner = functional.gelu(self.up(states))
        return self.norm_output(states + self._dropped(self.down(inner)))

    def _dropped(self, states):
        return functional.dropout(states, self.dropout, self.training)


class _Stack(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleList(_Layer(sizes) for _ in range(sizes["layers"]))


class _Words(nn.Module):
    """BERT without its pooler: states of the words that are there, or of all places."""

    def __init__(self, sizes):
        super().__init__()
        size = sizes["hidden_size"]
        self.word_embeddings = nn.Embedding(sizes["vocabulary"], size)
        self.position_embeddings = nn.Embedding(512, size)
        self.token_type_embeddings = nn.Embedding(2, size)
        self.norm = nn.LayerNorm(size, 1e-12)
        self.dropout = nn.Dropout(sizes["dropout"])
        self.transformer = _Stack(sizes)

    def forward(self, captions, there, rows):
        places = torch.arange(captions.shape[1]).expand_as(captions)
        if rows is not None:
            captions, places = captions.flatten()[rows], places.flatten()[rows]
        states = self.word_embeddings(captions) + self.position_embeddings(places)
        states = self.dropout(self.norm(states + self.token_type_embeddings.weight[0]))
        for layer in self.transformer.layers:
            states = layer(states, there, rows)
        return states


class Bert(nn.Module):
    """BERT, the mean of its states, a linear layer.

    Args:
        padded: compute the padding too; without, dense layers see only the words that are there.
    """

    def __init__(self, sizes, padded=False):
        super().__init__()
        self.bert = _Words(sizes)
        self.fc = nn.Linear(sizes["hidden_size"], sizes["embed_size"])
        self.padded = padded

    def forward(self, captions, lengths):
        there = torch.arange(captions.shape[1]) < lengths[:, None]
        rows = None if self.padded else there.flatten().nonzero()[:, 0]
        states = self.bert(captions, there, rows)
        if self.padded:
            total = (states * there[:, :, None]).sum(dim=1)
        else:
            total = states.new_zeros(len(captions), states.shape[1]).index_add(
                0, rows // captions.shape[1], states
            )
        return functional.normalize(self.fc(total / lengths[:, None]), dim=1)


_KINDS = {"bigru": BiGRU, "bert": Bert, "grid": Grid}


def _network(kind, sizes, **options):
    """An encoder with the weights that ours has."""
    torch.manual_seed(0)
    return with_our_weights(_KINDS[kind](sizes, **options))


def with_our_weights(network):
    """A network with the weights that :mod:`encoder_data` draws."""
    turned = _turned(network)
    with torch.no_grad():
        for name, value in network.named_parameters():
            shape = tuple(value.shape)[:: -1 if name in turned else 1]
            drawn = encoder_data.parameter(name, shape)
            value.copy_(torch.from_numpy(drawn.T if name in turned else drawn))
    return network


def _turned(network):
    """Names of the parameters that are ``[out, in]`` here and ``[in, out]`` in ours."""
    return {
        f"{name}.weight" for name, layer in network.named_modules() if isinstance(layer, nn.Linear)
    }


def save_gradients(path, network, loss):
    """Write a loss, and its gradients in our shapes."""
    loss.backward()
    turned = _turned(network)
    gradients = {
        name: value.grad.numpy().T if name in turned else value.grad.numpy()
        for name, value in network.named_parameters()
    }
    np.savez(path, loss=loss.item(), **gradients)


class Step:
    """The training step; arguments as :class:`benchmarks.encoder_step.Ours`."""

    def __init__(self, kind, batches, batch, sizes, **options):
        self.network = _network(kind, sizes, **options)
        self.network.train()
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=2e-4)
        self.batches = [
            (tuple(map(torch.from_numpy, inputs)), torch.from_numpy(codes))
            for inputs, codes in encoder_data.batches(kind, batches, batch, sizes)
        ]
        self.info = {"threads": torch.get_num_threads()}

    def run(self, save=None):
        if save:
            return self._save(save)
        for inputs, codes in self.batches:
            self.optimizer.zero_grad()
            loss = triplet_loss(self.network(*inputs), codes)
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), 2.0)
            self.optimizer.step()
        return loss.item()

    def _save(self, path):
        self.network.eval()
        inputs, codes = self.batches[0]
        save_gradients(path, self.network, triplet_loss(self.network(*inputs), codes))
        self.optimizer.zero_grad()
        self.network.train()


class Codes:
    """Codes of many; arguments as :class:`benchmarks.encoder_codes.Ours`."""

    def __init__(self, kind, count, batch, sizes, **options):
        self.network = _network(kind, sizes, **options).eval()
        self.batch = batch
        self.inputs = encoder_data.many(kind, count, sizes)

    @torch.inference_mode()
    def run(self, save=None):
        codes = encoder_data.encoded(self.inputs, self.batch, self._encode)
        if save:
            np.save(save, codes)

    def _encode(self, *inputs):
        return self.network(*map(torch.from_numpy, inputs)).numpy()
