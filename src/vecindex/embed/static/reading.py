"""How a static model reads texts: its tokenizer alone, without special tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vecindex.embed.encoder import ANY_LENGTH, Tokens
from vecindex.embed.unknown import unknown_id, unknown_shares


class StaticReader:
    """Texts to tokens, as StaticEmbedding makes them.

    `longest` is how many it reads of a text, `keeps_end` whether it reads the last ones of a longer text.
    """

    def __init__(self, tokenizer: Any) -> None:
        """Take a tokenizer of the library tokenizers; it is left as it is."""
        from tokenizers import Tokenizer

        # The file may hold a cut of its own, which the library obeys: a copy counts what it leaves out.
        cut = tokenizer.truncation
        self._tokenizer = Tokenizer.from_str(tokenizer.to_str())
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._unknown_id = unknown_id(self._tokenizer)
        self.longest = int(cut["max_length"]) if cut else ANY_LENGTH
        self.keeps_end = bool(cut) and cut["direction"] == "left"

    def tokenize(self, texts: Sequence[str], prompt: str, most: int) -> Tokens:
        """Return the tokens of each text behind a prompt, up to so many."""
        found = self._tokenizer.encode_batch_fast([prompt + text for text in texts], add_special_tokens=False)
        whole = [one.ids for one in found]
        counts = np.fromiter(map(len, whole), dtype=np.int32, count=len(whole))
        cut = [ids if len(ids) <= most else ids[-most:] if self.keeps_end else ids[:most] for ids in whole]
        around = len(self._tokenizer.encode(prompt, add_special_tokens=False).ids) if prompt else 0
        return Tokens(cut, counts, counts > most, unknown=unknown_shares(cut, self._unknown_id, around))

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the (start, end) character positions of a text's tokens."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).offsets)
