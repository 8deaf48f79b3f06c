"""Damage to files, by what they hold: bytes, JSON, safetensors, archives, lines."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

Mutator = Callable[[Random, bytes], bytes]

# Becomes, in the text, more levels than a parser has room for.
_DEEP = "<deep>"
VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 3, 255, 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63),
    *(2**64 - 1, 2**64, 10**30, 10**400, 0.5, -0.0, 1e308, float("nan")),
    *(float("inf"), -float("inf"), "", " ", "a", "\0", "\ud800", "\udc00\ud800", "é"),
    *("😀", "\u0301", "../../../etc/passwd", "/etc/passwd", "..", "[UNK]", "F32", "O"),
    *("<U100000000", "|V99999999999", "<i8", "float64", "BF16", "U8", "dict", "tuple"),
    *("set", "(a+)+$", "a" * 10_000, "\U0010fffd", "\u2581", "nan", "1e999"),
    *([], {}, [[]], [{}], [None], [0] * 1_000, {"": ""}, {"a": {"b": [1, "c"]}}),
    *({"Regex": "(a+)+$"}, {"Regex": ""}, {"String": ""}, {"dict": []}, _DEEP),
]
_BYTES = [
    *(b"\0", b"\xff", b"\x80", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xff\xfe", b'"'),
    *(b"'", b"\n", b"\r", b"\r\n", b",", b";", b"\t", b"[", b"]", b"{", b"}", b":"),
    *(
        b"-1",
        b"1e999",
        b"NaN",
        b"null",
        b"99999999999999999999",
        b"\\ud800",
        b"\\u0000",
    ),
    *(b"&a ", b"*a", b"!!int ", b"!!float ", b"!!timestamp ", b"!!bool ", b"1:59:59"),
    *(b"!!binary ", b"!!set ", b"? ", b"- ", b"<<: ", b"%YAML", b"---", b'"""', b"#"),
    *(b"[[", b"]]", b"= ", b"0x", b"0b", b"2001-99-99", b" " * 100, b"[" * 2_000),
]


def mutate_bytes(rng: Random, data: bytes) -> bytes:
    """Change, cut, repeat, insert and drop bytes anywhere."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 8, 32))):
        at = rng.randrange(len(changed) + 1)
        end = min(at + rng.choice((1, 1, 2, 4, 8, 64, 512)), len(changed))
        what = rng.randrange(7)
        if what == 0 and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        elif what == 1 and at < len(changed):
            changed[at] = rng.randrange(256)
        elif what == 2:
            del changed[at:end]
        elif what == 3:
            changed[at:at] = changed[at:end] * rng.choice((1, 1, 2, 50))
        elif what == 4:
            changed[at:at] = rng.choice(_BYTES)
        elif what == 5:
            changed[at:end] = rng.choice(_BYTES)
        elif rng.random() < 0.1:
            del changed[at:]
    return bytes(changed)


def mutate_json(rng: Random, data: bytes) -> bytes:
    """Replace, drop, copy and wrap nodes; now and then bytes."""
    if rng.random() < 0.1:
        return mutate_bytes(rng, data)
    try:
        return _with_other_nodes(rng, data)
    except (ValueError, RecursionError):  # no JSON, or deeper than Python copies
        return mutate_bytes(rng, data)


def _with_other_nodes(rng: Random, data: bytes) -> bytes:
    value = json.loads(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        value = _changed(rng, value)
    depth = rng.choice((50, 200, 900, 5_000, 100_000))
    deep = "[" * depth + "]" * depth
    return json.dumps(value).replace(f'"{_DEEP}"', deep).encode()


def _value(rng: Random) -> Any:
    return deepcopy(rng.choice(VALUES))


def _changed(rng: Random, value: Any) -> Any:
    nodes = _nodes(value) if isinstance(value, (dict, list)) else []
    if not nodes:
        return _value(rng)
    holder, key = rng.choice(nodes)
    other_holder, other_key = rng.choice(nodes)
    match rng.randrange(7):
        case 0 | 1 | 2:
            holder[key] = _value(rng)
        case 3:
            del holder[key]
        case 4:
            holder[key] = deepcopy(other_holder[other_key])
        case 5:
            holder[key] = rng.choice(([holder[key]], {"dict": [[holder[key], 1]]}))
        case 6 if isinstance(holder, dict):
            name = rng.choice([it for it in VALUES if isinstance(it, str)])
            holder[name] = holder.pop(key) if rng.random() < 0.5 else _value(rng)
        case 6:
            holder.insert(key, _value(rng))
    return value


def _nodes(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a value: what holds it, and under which key."""
    found: list[tuple[Any, Any]] = []
    todo = [value]
    while todo:
        holder = todo.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            found.append((holder, key))
            if isinstance(holder[key], (dict, list)):
                todo.append(holder[key])
    return found


def mutate_safetensors(rng: Random, data: bytes) -> bytes:
    """Change header, length of the header, or data."""
    if len(data) < 8 or rng.random() < 0.15:
        return mutate_bytes(rng, data)
    (length,) = struct.unpack("<Q", data[:8])
    header, body = data[8 : 8 + length], data[8 + length :]
    what = rng.random()
    if what < 0.7:
        header = mutate_json(rng, header)
    elif what < 0.85:
        body = mutate_bytes(rng, body)
    said = len(header)
    if rng.random() < 0.1:
        said = rng.choice((0, 1, said + 1, said - 1, 2**31, 2**63, 2**64 - 1)) % 2**64
    return struct.pack("<Q", said) + header + body


def mutate_archive(rng: Random, data: bytes) -> bytes:
    """Change bytes, or what is in a zip file."""
    if rng.random() < 0.3:
        return mutate_bytes(rng, data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            parts = {it: file.read(it) for it in file.namelist()}
    except Exception:  # of a damaged archive
        return mutate_bytes(rng, data)
    if not parts:
        return mutate_bytes(rng, data)
    name = rng.choice([it for it in parts if it.endswith(".json")] * 3 + list(parts))
    change = mutate_json if name.endswith(".json") else mutate_bytes
    parts[name] = change(rng, parts[name])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for it, content in parts.items():
            file.writestr("../" + it if rng.random() < 0.01 else it, content)
    return buffer.getvalue()


_PIECES = [
    *(
        "a",
        " ",
        "\n",
        "\0",
        "é",
        "e\u0301",
        "\u0301",
        "ß",
        "İ",
        "שלום",
        "مرحبا",
        "\u202e",
    ),
    *(
        "\u200d",
        "👩\u200d👩\u200d👧",
        "\ufeff",
        "\ufffd",
        "\ud800",
        "\udfff",
        "\ud83d\ude00",
    ),
    *(
        "漢字",
        "ｶﾞ",
        "ﷺ",
        "\x85",
        "\u2028",
        "\u2581",
        "\U0010fffd",
        "\U0001f468",
        "a good film",
    ),
    *("[UNK]", "[PAD]", "<s>", "##s", "'s", "  ", "\t", "1234567890", "red cat", "."),
]


def mutate_texts(rng: Random, data: bytes) -> bytes:
    """Lines of pieces that tokenizers stumble over, some of them very long."""
    pieces = []
    for _ in range(rng.randrange(1, 30)):
        pieces.append(rng.choice(_PIECES) * rng.choice((1, 1, 1, 1, 2, 3, 65, 300)))
    if rng.random() < 0.02:
        piece = rng.choice(_PIECES)
        pieces.append(piece * ((1 << 20) // len(piece)))
    made = "".join(pieces).encode("utf-8", "surrogatepass")
    return made if rng.random() < 0.7 else mutate_bytes(rng, data + made)


def after_first(mutate: Mutator) -> Mutator:
    """Keep a first byte, which says what the others are."""
    return lambda rng, data: data[:1] + mutate(rng, data[1:])
