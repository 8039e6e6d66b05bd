"""The captioners in plain PyTorch, as its users write them; names of parameters are ours."""

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.captioner_step import CLIP, PENALTY, RATE, SMOOTHING, make_batches
from benchmarks.pytorch_encoders import save_gradients, with_our_weights


class Attention(nn.Module):
    """Captions by falling length; each step is of those that have a word there."""

    rectified = True

    def __init__(self, sizes):
        super().__init__()
        size, hidden = sizes["size"], sizes["decoder_size"]
        self.embedding = nn.Embedding(sizes["vocabulary"], size)
        self.keys = nn.Linear(size, size)
        self.query = nn.Linear(hidden, size, bias=False)
        self.score = nn.Linear(size, 1, bias=False)
        self.gru = nn.GRUCell(2 * size, hidden)
        self.output = nn.Linear(hidden, hidden)
        self.vocabulary = nn.Linear(hidden, sizes["vocabulary"])

    def forward(self, cells, captions, lengths, images):
        lengths, order = (lengths - 1).sort(descending=True, stable=True)
        words = self.embedding(captions[order])
        keys, cells = self.keys(cells)[images[order]], cells[images[order]]
        hidden = words.new_zeros(len(captions), self.gru.hidden_size)
        steps, longest = [], int(lengths[0])
        looks = words.new_zeros(len(captions), longest, cells.shape[1])
        for step in range(longest):
            count = int((lengths > step).sum())
            hidden = hidden[:count]
            compared = torch.tanh(keys[:count] + self.query(hidden)[:, None])
            weights = functional.softmax(self.score(compared)[:, :, 0], dim=1)
            context = torch.bmm(weights[:, None], cells[:count])[:, 0]
            hidden = self.gru(torch.cat([context, words[:count, step]], dim=1), hidden)
            looks[:count, step] = weights
            steps.append(hidden)
        logits = self.vocabulary(self.output(torch.cat(steps)))
        targets = pack_padded_sequence(captions[order, 1:], lengths, batch_first=True).data
        return logits, targets, looks


class AddNorm(nn.Module):
    """A packed GRU, and attention of each caption's words, with padding, to its image's cells."""

    rectified = False

    def __init__(self, sizes):
        super().__init__()
        size, hidden = sizes["size"], sizes["decoder_size"]
        self.embedding = nn.Embedding(sizes["vocabulary"], size)
        self.gru = nn.GRU(size, hidden, batch_first=True)
        self.norm = nn.LayerNorm(hidden, 1e-3)
        self.vocabulary = nn.Linear(hidden, sizes["vocabulary"])

    def forward(self, cells, captions, lengths, images):
        lengths = lengths - 1
        packed = pack_padded_sequence(
            self.embedding(captions), lengths, batch_first=True, enforce_sorted=False
        )
        states, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        cells = cells[images]
        weights = functional.softmax(torch.bmm(states, cells.transpose(1, 2)), dim=2)
        there = torch.arange(states.shape[1]) < lengths[:, None]
        summed = (states + torch.bmm(weights, cells))[there]
        logits = self.vocabulary(self.norm(summed))
        return logits, captions[:, 1:][there], weights * there[:, :, None]


class _Cells(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.fc = nn.Linear(sizes["feature_size"], sizes["size"])


class Captioner(nn.Module):
    """Features of cells and captions → loss."""

    def __init__(self, kind, sizes):
        super().__init__()
        self.image_extractor = _Cells(sizes)
        self.decoder = {"attention": Attention, "addnorm": AddNorm}[kind](sizes)

    def forward(self, features, captions, lengths, images):
        cells = self.image_extractor.fc(features)
        if self.decoder.rectified:
            cells = torch.relu(cells)
        logits, targets, looks = self.decoder(cells, captions, lengths, images)
        loss = functional.cross_entropy(logits, targets, label_smoothing=SMOOTHING)
        return loss + PENALTY * ((1 - looks.sum(dim=1)) ** 2).sum(dim=1).mean()


class Step:
    """The training step; arguments as :class:`benchmarks.captioner_step.Ours`."""

    def __init__(self, kind, batches, captions, sizes):
        torch.manual_seed(0)
        self.network = with_our_weights(Captioner(kind, sizes))
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=RATE)
        self.batches = [
            tuple(map(torch.from_numpy, arrays))
            for arrays in make_batches(batches, captions, sizes)
        ]
        self.info = {"threads": torch.get_num_threads()}

    def run(self, save=None):
        if save:
            save_gradients(save, self.network, self.network(*self.batches[0]))
            return self.optimizer.zero_grad()
        for batch in self.batches:
            self.optimizer.zero_grad()
            loss = self.network(*batch)
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
            self.optimizer.step()
        return loss.item()
