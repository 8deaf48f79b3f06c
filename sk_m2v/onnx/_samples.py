"""Texts on which an exported graph must do what Python does.

Every rule that tokenizers have is broken by one of them: scripts without spaces,
combining marks, characters that become several or none, spaces of all kinds, added
tokens, words that are too long, and what is in no vocabulary.
"""

SAMPLES = (
    "",
    " ",
    "\n\t \r\n",
    "The quick brown fox jumps over the lazy dog.",
    "It's 3.14, isn't it? We'll see -- they're \"quoted\" (twice)...",
    "Unbelievably re-tokenized antidisestablishmentarianism, e.g. xqzjvw!",
    "UPPER lower MiXeD CamelCase snake_case kebab-case C++ C# .NET",
    "http://example.org/path?query=1&other=two#part user@example.org",
    "price: $1,234.56 or 1 234,56 \u20ac; 50% off, 10^-3 \u00b5m, 5\u00d76=30",
    "na\u00efve caf\u00e9 \u00dcber stra\u00dfe \u00c5ngstr\u00f6m "
    "\u0130stanbul \u0131",
    "e\u0301 E\u0301 a\u0323\u0302 \u0301x n\u0303\u0303 \u1e69 s\u0323\u0307",
    "\ufb01ne \ufb03 \u2460\u2461 \u00bd \u2126 \u212b \uff21\uff22\uff23 \uff11\uff12",
    "\u4e2d\u6587\u5206\u8bcd\u6d4b\u8bd5\uff0c\u6ca1\u6709\u7a7a\u683c\u3002",
    "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8\u3001\u304c\u304e\u3050",
    "\ud55c\uad6d\uc5b4 \ud14d\uc2a4\ud2b8 \u1112\u1161\u11ab",
    "\u0440\u0443\u0441\u0441\u043a\u0438\u0439 \u0439\u043e\u0434 \u0416\u0411",
    "\u03b5\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac "
    "\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2",
    "\u05e2\u05d1\u05e8\u05d9\u05ea \u05e9\u05b8\u05dc\u05d5\u05b9\u05dd",
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629 "
    "\u0645\u064e\u0631\u0652\u062d\u064e\u0628\u064b\u0627",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u0915\u094d\u0937 "
    "\u0e44\u0e17\u0e22\u0e01\u0e33",
    "\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467 "
    "\U0001f1e9\U0001f1ea \u2764\ufe0f",
    "\u00a0no-break\u2003em\u3000wide\u200bzero\u2028line\x0bfeed\x85next",
    "nul\x00inside \x01\x02 del\x7f \x9f \ufffd \ufeffbom \xad \U0010ffff \ue000",
    "[CLS] [SEP] [MASK] [PAD] [UNK] [cls] [ CLS ] [CLS]x <s> </s> <unk> <pad> "
    "<|endoftext|>",
    "  two  spaces   three ,,,;;; ---___ !!!??? '''\"\"\"",
    "a" * 100 + " " + "b" * 101 + " " + "c" * 300,
    "word " * 700,
    "\u2581metaspace\u2581 \u0120byte \u010a ##s ### #",
)
