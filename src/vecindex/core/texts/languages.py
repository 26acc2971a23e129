"""Which language texts are in, guessed from their scripts and their commonest words: enough to warn, not to sort by.

A script that one language uses decides by itself. Texts in Latin, Cyrillic and Arabic letters differ in the words
that stand in nearly every sentence.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

_READ_CHARS = 2_000
_MIN_HITS = 3
"""Common words that a text needs before it is said to be in a language; shorter ones are left open."""
_AHEAD = 1.25
"""How many times as many as those of the next language."""
_KANA_SHARE = 0.1
_WORD = re.compile(r"[^\W\d_]+")

NAMES = {
    "am": "Amharic", "ar": "Arabic", "bn": "Bengali", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek",
    "en": "English", "es": "Spanish", "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi",
    "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ka": "Georgian",
    "km": "Khmer", "ko": "Korean", "lo": "Lao", "my": "Burmese", "nl": "Dutch", "no": "Norwegian", "pl": "Polish",
    "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sv": "Swedish", "ta": "Tamil", "te": "Telugu",
    "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
"""The English name of each language that may be guessed, by its ISO 639-1 code."""

OTHER = "other"
"""Stands for several languages, or for one not known here."""

_SCRIPTS = (
    (0x0041, 0x024F, "Latin"), (0x0370, 0x03FF, "el"), (0x0400, 0x052F, "Cyrillic"), (0x0530, 0x058F, "hy"),
    (0x0590, 0x05FF, "he"), (0x0600, 0x077F, "Arabic"), (0x0900, 0x097F, "hi"), (0x0980, 0x09FF, "bn"),
    (0x0B80, 0x0BFF, "ta"), (0x0C00, 0x0C7F, "te"), (0x0E00, 0x0E7F, "th"), (0x0E80, 0x0EFF, "lo"),
    (0x1000, 0x109F, "my"), (0x10A0, 0x10FF, "ka"), (0x1100, 0x11FF, "ko"), (0x1200, 0x137F, "am"),
    (0x1780, 0x17FF, "km"), (0x1E00, 0x1EFF, "Latin"), (0x3040, 0x30FF, "ja"), (0x3400, 0x9FFF, "zh"),
    (0xAC00, 0xD7AF, "ko"),
)  # fmt: skip

_WORDS = {
    "Latin": {
        "cs": "a je se na že to v s z do jako ve byl který pro jeho jsou nebo ale také po od při",
        "da": "og i at det er en af på til med den for ikke som har var de et fra blev også eller hvor efter",
        "de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es werden wird",
        "en": "the of and to in a is that it for was as with on are be by this from at which or an have not",
        "es": "de la que el en y a los se del las por un para con no una su al es lo como más fue",
        "fi": "ja on ei se että oli hän myös joka mutta sen ovat kuin tai hänen siitä jotka sekä vuonna olla",
        "fr": "de la le et les des en un une du est dans que qui par pour sur au il plus ne pas se sont",
        "hu": "a az és hogy nem is egy van volt meg ez csak már de mint vagy el azt még ki kell ezt",
        "id": "yang dan di dengan untuk dari pada dalam ini itu adalah tidak akan oleh sebagai ke juga atau",
        "it": "di e il la che in un a per è una del sono non con le i della si da come nel dei più",
        "nl": "de van het een en in is dat op te zijn voor met die niet aan er om ook als bij door",
        "no": "og i det er en av på til som med for ikke den har de et fra var også ble eller hadde seg etter",
        "pl": "w i z na się do nie jest to że przez od jego jako był oraz są po dla o jak który która",
        "pt": "de a o que e do da em um para com não uma os no se na por mais as dos foi ao são",
        "ro": "de și în a la cu pe din este un o nu care ce mai fi au pentru sau ca al dintre",
        "sv": "och i att det som en på är av för med den till inte har de ett om var från men eller så",
        "tr": "ve bir bu da de için ile olarak olan çok daha en gibi sonra kadar ise her var olduğu",
        "vi": "và của là có trong được các một cho không với người này những đã từ để khi năm ở",
    },
    "Cyrillic": {
        "ru": "и в не на что с по как это для из он к его от или также были при был она они",
        "uk": "і в не на що з та у як до це для за від його був або також були при є",
    },
    "Arabic": {
        "ar": "في من على أن إلى التي عن هذا ما كان مع الذي أو هذه بعد كما قد لا بين كل",
        "fa": "و در به از که این را با است برای آن یک بود شد شده می های خود تا بر",
    },
}
_COMMON = {script: {code: frozenset(words.split()) for code, words in of.items()} for script, of in _WORDS.items()}
COMMON = {code: words for of in _COMMON.values() for code, words in of.items()}
"""The words that stand in nearly every sentence, by the code of the language."""


def code_of(name: str) -> str | None:
    """Return the code of a language given by it or by its English name; None for one that is not known here.

    >>> code_of("German"), code_of("DE"), code_of("Klingon")
    ('de', 'de', None)
    """
    low = name.strip().lower()
    return next((code for code, known in NAMES.items() if low in (code, known.lower())), None)


@dataclass(frozen=True, slots=True)
class Guess:
    """The language of most texts of a sample, as a code; `share` of the `judged` texts that say something have it."""

    code: str
    share: float
    judged: int

    @property
    def name(self) -> str:
        """Its English name."""
        return NAMES[self.code]


def guess(texts: Iterable[str]) -> Guess | None:
    """Return the language that most texts of a sample are in; None where no text says.

    >>> guess(["Die Zelle ist der kleinste Teil des Lebens.", "細胞は生命の基本単位である。"] * 2 + ["細胞の膜"])
    Guess(code='ja', share=0.6, judged=5)
    """
    codes = [code for text in texts if (code := language_of(text)) is not None]
    if not codes:
        return None
    code, count = Counter(codes).most_common(1)[0]
    return Guess(code, count / len(codes), len(codes))


def language_of(text: str) -> str | None:
    """Return the code of a text's language; None for one that is too short, mixed, or of a language not known here.

    >>> language_of("Der Kern der Zelle ist von einer Hülle umgeben."), language_of("Zelle"), language_of("细胞")
    ('de', None, 'zh')
    """
    read = text[:_READ_CHARS]
    scripts = Counter(_script(ch) for ch in read if ch.isalpha())
    scripts.pop("", None)
    if not scripts:
        return None
    if scripts["ja"] and scripts["ja"] >= _KANA_SHARE * (scripts["ja"] + scripts["zh"]):
        scripts["ja"] += scripts.pop("zh", 0)
    script = scripts.most_common(1)[0][0]
    if script not in _COMMON:
        return script
    words = Counter(_WORD.findall(read.lower()))
    hits = {code: sum(words[word] for word in common) for code, common in _COMMON[script].items()}
    first, second = sorted(hits, key=lambda code: -hits[code])[:2]
    return first if hits[first] >= max(_MIN_HITS, _AHEAD * hits[second]) else None


def _script(ch: str) -> str:
    """Return the script of a letter, as the language where one alone uses it; "" for another."""
    at = ord(ch)
    return next((script for low, high, script in _SCRIPTS if low <= at <= high), "")
