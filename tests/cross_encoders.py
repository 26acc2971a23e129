"""Small cross-encoders, trained here from random weights: no weights of one can be had offline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from static_models import offline_folder


def untrained(folder: Path, labels: int = 1, seed: int = 0) -> Path:
    """Save a tiny random BERT with the offline model's tokenizer, as a cross-encoder; return its folder."""
    import torch
    from sentence_transformers import CrossEncoder
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    torch.manual_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(str(offline_folder()))
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        num_labels=labels,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    plain = folder / "plain"
    BertForSequenceClassification(config).save_pretrained(str(plain))
    tokenizer.model_max_length = 64
    tokenizer.save_pretrained(str(plain))
    CrossEncoder(str(plain)).save_pretrained(str(folder / "reranker"))
    return folder / "reranker"


def trained(
    folder: Path, right: Sequence[tuple[str, str]], passages: Sequence[str], steps: int, seed: int = 0
) -> Path:
    """Train one to find each question's right passage among others drawn at each step; return its folder.

    `right` are (question, passage) pairs. The loss is the cross-entropy of the right one of 8 passages.
    """
    import torch
    from sentence_transformers import CrossEncoder

    encoder = CrossEncoder(str(untrained(folder, seed=seed)), device="cpu")
    model, tokenizer = encoder.model, encoder.tokenizer
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    rng = np.random.default_rng(seed)
    model.train()
    for _ in range(steps):
        pairs = []
        for i in rng.choice(len(right), size=8, replace=False):
            question, passage = right[i]
            pairs += [(question, passage), *((question, passages[j]) for j in rng.integers(len(passages), size=7))]
        tokens = tokenizer(
            [a for a, _ in pairs],
            [b for _, b in pairs],
            padding=True,
            truncation=True,
            max_length=64,
            return_tensors="pt",
        )
        scores = model(**tokens).logits.reshape(8, 8)
        loss = torch.nn.functional.cross_entropy(scores, torch.zeros(8, dtype=torch.long))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    encoder.save_pretrained(str(folder / "trained"))
    return folder / "trained"
