"""Transformer encoder over patches of an image, steps of a sequence or bytes of a text.

Vaswani et al. 2017, with normalisation before each block (Xiong et al. 2020). Images are cut into patches of 4 x 4
pixels (Dosovitskiy et al. 2021). Bytes are looked up and joined by a convolution with stride 4, which keeps what a word
is made of and makes a long text affordable on a CPU (as in CANINE, Clark et al. 2022); long sequences likewise. The
embedding is the mean and the maximum over the tokens that a row has.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lepton.core.config.settings import EncoderConfig
from lepton.models.encoders.base import Encoder
from lepton.models.layout import Layout
from lepton.models.text_inputs import SYMBOLS

PATCH = 4
"""Side of an image's patch, and bytes that become one token."""
MOST_TOKENS = 64
"""Of a sequence; with more steps, several become one token."""
HEADS, BLOCKS = 4, 2


class Patches(nn.Module):
    """(n, C, S, S) -> (n, tokens, d): squares of PATCH pixels; every token is there."""

    def __init__(self, layout: Layout, width: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(layout.shape[0], width, PATCH, PATCH)
        self.tokens = (layout.shape[1] // PATCH) * (layout.shape[2] // PATCH)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens (n, t, d), and (n, t) true where a token is there."""
        found = self.project(x).flatten(2).transpose(1, 2)
        return found, found.new_ones(found.shape[:2]) > 0


class Steps(nn.Module):
    """(n, T, F + 1) -> (n, tokens, d): one step a token, or several where there are many."""

    def __init__(self, layout: Layout, width: int) -> None:
        super().__init__()
        steps, self.values = layout.shape
        self.stride = math.ceil(steps / MOST_TOKENS)
        self.tokens = math.ceil(steps / self.stride)
        self.missing = self.tokens * self.stride - steps
        self.project = nn.Linear(self.values * self.stride, width)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens (n, t, d), and (n, t) true where a token has a step."""
        x = F.pad(x, (0, 0, 0, self.missing)).reshape(x.shape[0], self.tokens, -1)
        there = x.reshape(x.shape[0], self.tokens, self.stride, self.values)[..., -1].amax(dim=2) > 0
        return self.project(x), there


class Bytes(nn.Module):
    """(n, T) -> (n, tokens, d): PATCH bytes a token, each seen with those around it."""

    def __init__(self, layout: Layout, width: int) -> None:
        super().__init__()
        self.look = nn.Embedding(SYMBOLS, width)
        self.join = nn.Conv1d(width, width, 2 * PATCH, PATCH, padding=PATCH // 2)
        self.missing = -layout.shape[0] % PATCH
        self.tokens = (layout.shape[0] + self.missing) // PATCH

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens (n, t, d), and (n, t) true where a token has a byte."""
        x = F.pad(x, (0, self.missing))
        found = self.join(self.look(x.long()).transpose(1, 2)).transpose(1, 2)
        return found, x.reshape(x.shape[0], self.tokens, PATCH).amax(dim=2) > 0


class Block(nn.Module):
    """Attention and a small perceptron, each on the normalised tokens and added to them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.to_qkv, self.from_heads = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, tokens: Tensor, there: Tensor) -> Tensor:
        """Return tokens (n, t, d) that have looked at those that are there."""
        n, t, d = tokens.shape
        q, k, v = self.to_qkv(self.norm1(tokens)).reshape(n, t, 3, HEADS, d // HEADS).permute(2, 0, 3, 1, 4)
        looked = F.scaled_dot_product_attention(q, k, v, attn_mask=there[:, None, None, :])
        tokens = tokens + self.from_heads(looked.transpose(1, 2).reshape(n, t, d))
        found: Tensor = tokens + self.narrow(F.gelu(self.wide(self.norm2(tokens))))
        return found


class Transformer(Encoder):
    """(n, C, S, S), (n, T, F + 1) or (n, T) -> (n, features)."""

    name = "transformer"
    kinds = ("image", "sequence", "text")
    default_for = ("text",)

    def __init__(self, config: EncoderConfig, layout: Layout) -> None:
        super().__init__(config, layout)
        width = 4 * config.width
        self.stem = _stem(layout, width)
        self.places = Places(self.stem.tokens, width)
        self.blocks = nn.ModuleList(Block(width) for _ in range(BLOCKS))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Sequential(nn.Linear(2 * width, config.features), nn.BatchNorm1d(config.features))

    def forward(self, x: Tensor) -> Tensor:
        """Return the embedding (n, d)."""
        tokens, there = self.stem(x)
        there = torch.cat([torch.ones_like(there[:, :1]), there[:, 1:]], dim=1)  # an empty row has one token, too
        tokens = self.places(tokens)
        for block in self.blocks:
            tokens = block(tokens, there)
        tokens, seen = self.norm(tokens), there[..., None]
        mean = (tokens * seen).sum(dim=1) / seen.sum(dim=1)
        most = torch.where(seen, tokens, float("-inf")).amax(dim=1)
        h: Tensor = self.out(torch.cat([mean, most], dim=1))
        return h

    def depth_groups(self) -> list[nn.Module]:
        """Return stem, places, blocks, and the map to the embedding with its normalisation."""
        return [self.stem, self.places, *self.blocks, nn.ModuleList([self.norm, self.out])]


def _stem(layout: Layout, width: int) -> Patches | Steps | Bytes:
    if layout.kind == "image":
        return Patches(layout, width)
    return Steps(layout, width) if layout.kind == "sequence" else Bytes(layout, width)


class Places(nn.Module):
    """What each place adds to its token; learnt."""

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.table = nn.Parameter(0.02 * torch.randn(tokens, width))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (n, t, d) with the places added."""
        return tokens + self.table
