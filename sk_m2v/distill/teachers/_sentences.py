"""How a teacher reads sentences: what sentence-transformers writes beside a model.

``modules.json`` lists the steps from a text to its vector, and each step has a folder
with its settings. Read here are a transformer, a pooling and a normalisation. Anything
else is refused, since without it the vectors would not be those of the teacher.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from sk_m2v._messages import quoted, shortened
from sk_m2v.embedding.storage._source import check_subfolder

Json = dict[str, Any]

#: From the path of a JSON file in a model to its contents, None if it has no such file.
JsonReader = Callable[[str], Any]

# Modes of sentence-transformers, and the name of the same pooling here.
_POOLINGS = {"mean": "mean", "cls": "first", "lasttoken": "last"}
_OLD_POOLINGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
# Where the settings of a transformer are, from the early days on.
_TRANSFORMER_FILES = (
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
)
_PLAIN_TEXT = {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}


@dataclass(frozen=True, kw_only=True)
class SentenceSettings:
    """From a text to its vector.

    Attributes
    ----------
    pooling : str
        How the vectors of tokens become one: a key of `POOLINGS`.
    max_length : int or None
        Tokens after which a text is cut off, those that surround it included.
    normalize : bool
        Whether vectors have length 1.
    prompt : str
        Text to put before each.
    lowercase : bool
        Whether texts become lower case, whatever the tokenizer does.
    truncate_dim : int or None
        Number of dimensions to keep, None for all.
    """

    pooling: str
    max_length: int | None
    normalize: bool = False
    prompt: str = ""
    lowercase: bool = False
    truncate_dim: int | None = None


def read_settings(
    read: JsonReader,
    *,
    name: str,
    pooling: str,
    limit: int | None,
    prompt: str | None,
) -> SentenceSettings:
    """Read how a saved model reads sentences.

    Parameters
    ----------
    read : callable
        From the path of a JSON file in the model to its contents, None if it has none.
    name : str
        The model, for error messages.
    pooling : str
        Pooling of a model that sentence-transformers has not saved.
    limit : int or None
        Tokens that the transformer can read, None for any number.
    prompt : str or None
        Text to put before each. None takes the one that is saved.

    Returns
    -------
    SentenceSettings
        The settings.

    Raises
    ------
    ValueError
        If the model has a step that is not known here.

    Examples
    --------
    >>> files = {
    ...     "modules.json": [
    ...         {"path": "", "type": "sentence_transformers.models.Transformer"},
    ...         {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ...     ],
    ...     "1_Pooling/config.json": {"pooling_mode": "cls"},
    ... }
    >>> settings = read_settings(
    ...     files.get, name="x", pooling="mean", limit=128, prompt=None
    ... )
    >>> settings.pooling, settings.normalize, settings.max_length
    ('first', False, 128)
    """
    listed = read("modules.json")
    if listed is None:
        return plain_settings(pooling, limit, prompt)
    modules = []
    for module in listed:
        kind, path = module["type"], module["path"]
        check_subfolder(path or None)
        if _short_name(kind) == "Transformer":
            if path:
                _refuse(name, f"a transformer in the folder {path!r}")
            config: Json = next(filter(None, map(read, _TRANSFORMER_FILES)), {})
        else:
            config = read(f"{path}/config.json") or {}
        modules.append((kind, config))
    config = read("config_sentence_transformers.json") or {}
    return settings_of_modules(modules, config, name=name, limit=limit, prompt=prompt)


def plain_settings(
    pooling: str, limit: int | None, prompt: str | None
) -> SentenceSettings:
    """How to read sentences with a transformer that comes without settings for them.

    Parameters
    ----------
    pooling : str
        A key of `POOLINGS`.
    limit : int or None
        Tokens that the transformer can read, None for any number.
    prompt : str or None
        Text to put before each.

    Returns
    -------
    SentenceSettings
        At most 512 tokens: more is rare in sentences, and takes time and memory.
    """
    return SentenceSettings(
        pooling=pooling, max_length=min(limit or 512, 512), prompt=prompt or ""
    )


def settings_of_modules(
    modules: Iterable[tuple[str, Json]],
    config: Json,
    *,
    name: str,
    limit: int | None,
    prompt: str | None,
) -> SentenceSettings:
    """Settings that follow from the modules of sentence-transformers.

    Parameters
    ----------
    modules : iterable of tuple (str, dict)
        The full name of each module's class, and its settings.
    config : dict
        Settings of the whole: prompts and the number of dimensions to keep.
    name : str
        The model, for error messages.
    limit : int or None
        Tokens that the transformer can read, None for any number.
    prompt : str or None
        Text to put before each. None takes the one of `config`.

    Returns
    -------
    SentenceSettings
        The settings.

    Raises
    ------
    ValueError
        If a module, or one of its settings, is not known here.
    """
    modules = list(modules)
    kinds = [_short_name(kind) for kind, _ in modules]
    for kind, expected in zip(kinds, ["Transformer", "Pooling"], strict=False):
        if kind != expected:
            _refuse(name, f"a module {kind} in place of {expected}")
    if len(kinds) < 2:
        _refuse(name, "no module Pooling")
    for kind, (_, settings) in zip(kinds[2:], modules[2:], strict=True):
        of = settings.get("module_input_name", "sentence_embedding")
        if kind != "Normalize" or of != "sentence_embedding":
            _refuse(name, f"a module {kind}")

    (_, transformer), (_, pooling), *_ = modules
    if transformer.get("modality_config", _PLAIN_TEXT) != _PLAIN_TEXT:
        _refuse(name, "a module Transformer that reads other things than plain texts")
    if transformer.get("processing_kwargs"):
        _refuse(name, "a module Transformer with processing_kwargs")
    if prompt is None:
        prompts = config.get("prompts") or {}
        prompt = prompts.get(config.get("default_prompt_name")) or ""
    if prompt and not pooling.get("include_prompt", True):
        _refuse(name, "a module Pooling that leaves out the prompt")
    max_length = transformer.get("max_seq_length") or limit
    return SentenceSettings(
        pooling=_pooling(pooling, name),
        # Tokenizers write 10 ** 30 for any number.
        max_length=max_length if max_length and max_length < 10**9 else None,
        normalize="Normalize" in kinds,
        prompt=prompt,
        lowercase=bool(transformer.get("do_lower_case")),
        truncate_dim=config.get("truncate_dim"),
    )


def _pooling(config: Json, name: str) -> str:
    modes = config.get("pooling_mode")
    if modes is None:  # written before version 6
        modes = [mode for key, mode in _OLD_POOLINGS.items() if config.get(key)]
    modes = [modes] if isinstance(modes, str) else list(modes) or ["mean"]
    if len(modes) != 1 or modes[0] not in _POOLINGS:
        _refuse(name, f"a module Pooling of mode {' and '.join(modes)!r}")
    return _POOLINGS[modes[0]]


def _short_name(kind: str) -> str:
    """Last part of a class's name; the full one for those of others."""
    return kind.split(".")[-1] if kind.startswith("sentence_transformers.") else kind


def _refuse(name: str, what: str) -> NoReturn:
    raise ValueError(
        f"the teacher {quoted(name)} has {what}, which is not known here, so its "
        "vectors of sentences would be wrong: pass "
        f"SentenceTransformer({quoted(name)}) itself as the teacher"
    )


def folder_reader(folder: str) -> JsonReader:
    """Read the JSON files of a folder.

    Parameters
    ----------
    folder : str
        Path of the folder.

    Returns
    -------
    callable
        From the path of a file in the folder to its contents, None if it has none.
    """

    def read(path: str) -> Any:
        try:
            with open(os.path.join(folder, path), encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return None

    return read


def hub_reader(repo_id: str, *, local_files_only: bool = False) -> JsonReader:
    """Read the JSON files of a model on the Hugging Face Hub.

    Parameters
    ----------
    repo_id : str
        Id of the model.
    local_files_only : bool, default=False
        Whether to look into the cache only.

    Returns
    -------
    callable
        From the path of a file in the model to its contents, None if it has none. It
        raises an OSError if neither the hub nor its cache can tell.
    """
    from huggingface_hub import _CACHED_NO_EXIST, hf_hub_download
    from huggingface_hub import try_to_load_from_cache as look_up
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    def read(path: str) -> Any:
        try:
            file = hf_hub_download(repo_id, path, local_files_only=local_files_only)
        except LocalEntryNotFoundError as error:
            if look_up(repo_id, path) is _CACHED_NO_EXIST:
                return None
            raise OSError(
                f"the hub cannot be reached to read {shortened(path)} of "
                f"teacher={quoted(repo_id)}, which says how it reads sentences: go "
                "online once, or pass a folder that holds the whole model"
            ) from error
        except EntryNotFoundError:
            return None
        with open(file, encoding="utf-8") as contents:
            return json.load(contents)

    return read
