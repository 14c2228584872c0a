"""Shape of a nano model: a `transformers` configuration, saved as config.json beside the weights."""

from __future__ import annotations

from typing import Any

from transformers import PretrainedConfig


class NanoConfig(PretrainedConfig):  # type: ignore[no-untyped-call]
    """Configuration of `NanoForImageTextToText`.

    Attributes:
        vocab_size: V, static ids: control ids, then byte-level BPE. Pointer k has the id V + k.
        max_pointers: number of pointer ids; a turn has at most so many candidates.
        width: d, model width.
        layers: number of transformer blocks.
        heads: attention heads.
        expansion: width of the MLP over d.
        word_tokens: BPE tokens kept of one word.
        piece_words: words kept of one piece.
        max_pieces: text pieces kept of one observation.
        max_words: instruction words kept.
        max_cells: image cells kept of one observation, those with the largest pixel variance.
        thin: of the cells that a line of text fills, keep every second and none above or below another.
        cell: (height, width) of an image cell in pixels.
        grid: (rows, columns) of cells an image may have; larger images are scaled down to fit.
        glyphs: classes of the OCR head.
        word_letters: letters kept of an instruction word for finding it in an image.
        value_head: the model has a critic.
    """

    model_type = "vlgym-nano"

    def __init__(
        self,
        vocab_size: int = 2048,
        max_pointers: int = 512,
        width: int = 128,
        layers: int = 4,
        heads: int = 4,
        expansion: int = 3,
        word_tokens: int = 8,
        piece_words: int = 32,
        max_pieces: int = 160,
        max_words: int = 80,
        max_cells: int = 128,
        thin: bool = False,
        cell: tuple[int, int] = (8, 16),
        grid: tuple[int, int] = (80, 64),
        glyphs: int = 64,
        word_letters: int = 12,
        value_head: bool = False,
        **kwargs: Any,
    ) -> None:
        self.vocab_size = vocab_size
        self.max_pointers = max_pointers
        self.width = width
        self.layers = layers
        self.heads = heads
        self.expansion = expansion
        self.word_tokens = word_tokens
        self.piece_words = piece_words
        self.max_pieces = max_pieces
        self.max_words = max_words
        self.max_cells = max_cells
        self.thin = thin
        self.cell = list(cell)
        self.grid = list(grid)
        self.glyphs = glyphs
        self.word_letters = word_letters
        self.value_head = value_head
        super().__init__(**kwargs)

    @property
    def num_hidden_layers(self) -> int:
        """Name by which `transformers` caches size themselves."""
        return self.layers

    @property
    def hidden_size(self) -> int:
        """Name by which `transformers` tools know the width."""
        return self.width
