"""Transformers of nine tokens, made anew with the same weights each time."""

from __future__ import annotations

from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2Model,
    LlamaConfig,
    LlamaModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5Model,
)

from sk_m2v.distill.teachers._load import load_teacher

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "red", "green", "blue", "cat", "##s"]


def tokenizer() -> PreTrainedTokenizerFast:
    vocab = {word: i for i, word in enumerate(WORDS)}
    words = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    words.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )


def bert(**kwargs: Any) -> BertModel:
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return BertModel(config, **kwargs)


def llama() -> LlamaModel:
    config = LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=32,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return LlamaModel(config)


def t5(kind: Any = T5Model) -> Any:
    config = T5Config(
        vocab_size=len(WORDS), d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return kind(config)


def gpt2() -> GPT2Model:
    config = GPT2Config(
        vocab_size=len(WORDS),
        n_embd=16,
        n_layer=2,
        n_head=2,
        n_positions=32,
        bos_token_id=2,
        eos_token_id=3,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return GPT2Model(config)


def load(teacher: Any, **options: Any) -> Any:
    """`load_teacher` with the options that most tests want."""
    defaults = {
        "pooling": "mean",
        "device": "cpu",
        "dtype": "float32",
        "prompt": None,
    }
    return load_teacher(teacher, **defaults | options)
