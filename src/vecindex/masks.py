"""Secrets in URLs, which are shown and kept without them: passwords, tokens, signatures."""

from __future__ import annotations

import re

MASK = "***"
_URL = re.compile(r"[a-z][a-z0-9+.:-]*://[^\s<>]+", re.IGNORECASE)
_PASSWORD = re.compile(r"(://[^/?#@:]*:)[^/?#]*(@)")
# Where the name alone is the secret, as in https://TOKEN@host; in other schemes it is a user or a container.
_TOKEN = re.compile(r"(https?://)[^/?#@:]+(@)", re.IGNORECASE)
_PARAMETER = re.compile(
    r"([?&;#][^=&;#]*(?:sig|token|secret|passw|pwd|key|cred|auth|policy|hmac|jwt|session|accessid)[^=&;#]*=)"
    rf"(?!{re.escape(MASK)})[^&;#)\]]*?(?=[:,.'\"]*(?:[&;#)\]]|$))",
    re.IGNORECASE,
)


def masked(text: str) -> str:
    """Return a text whose URLs have their secrets replaced; the rest of it is left as it is.

    >>> masked("s3://me:secret@bucket/a.jsonl: denied")
    's3://me:***@bucket/a.jsonl: denied'
    >>> masked("https://host/a.csv?X-Amz-Expires=60&X-Amz-Signature=ab12: no such file")
    'https://host/a.csv?X-Amz-Expires=60&X-Amz-Signature=***: no such file'
    """
    if "//" not in text:
        return text
    return _URL.sub(lambda found: _masked_url(found[0]), text)


def _masked_url(url: str) -> str:
    url = _PASSWORD.sub(rf"\1{MASK}\2", url)
    url = _TOKEN.sub(rf"\1{MASK}\2", url)
    return _PARAMETER.sub(rf"\1{MASK}", url)
