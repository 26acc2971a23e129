"""What a request to object storage failed for, in words: each store, and each library, says it in some of its own."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from vecindex.masks import masked

_REGION = "Set AWS_REGION to the region of the bucket, and run the same command again."
_AGAIN = "run the same command again; what was committed before is safe."


@dataclass(frozen=True, slots=True)
class Fault:
    """What failed, as the rest of a sentence that begins with the URL, and what helps.

    `is_lacking` says that the store, or the bucket, could not be asked at all.
    """

    what: str
    hint: str


@dataclass(frozen=True, slots=True)
class _Kind:
    """The words by which a fault is known, and what is said of it: {bucket}, {endpoint} and {keys} are filled in."""

    known_by: str
    what: str
    hint: str


# In this order: a later one's words occur in what is said of an earlier one.
_KINDS = (
    _Kind(
        "NoSuchBucket|bucket does not exist|ContainerNotFound|container does not exist",
        "there is no bucket {bucket!r}{endpoint}",
        "Make the bucket, or check its name, the endpoint and the region.",
    ),
    _Kind(
        "builder error|scheme is not allowed",
        "the endpoint{endpoint} is no address that may be asked",
        "Check it; for one that begins with http:// set {http}=true.",
    ),
    _Kind(
        r"169\.254\.169\.254|metadata\.google\.internal|Account must be specified|MissingAccount|no credentials"
        r"|CredentialsNotLoaded|credential provider|ProfileNotFound|could not load credentials"
        "|NoCredentialsError|PartialCredentialsError|CredentialRetrievalError",
        "no keys for it were found",
        "Set {keys} in the environment, and run the same command again.",
    ),
    _Kind("Failed to resolve region", "the region of the bucket is unknown", _REGION),
    _Kind("PermanentRedirect|AuthorizationHeaderMalformed|301 Moved", "the bucket is in another region", _REGION),
    _Kind(
        "InvalidAccessKeyId|SignatureDoesNotMatch|AccessDenied|ExpiredToken|InvalidToken|PermissionDenied"
        "|permission denied|Unauthenticated|AuthenticationFailed|AuthorizationFailure|invalid_grant"
        "|status code: 40[13]|InvalidSecurity|NoAuthenticationInformation",
        "the store{endpoint} refuses these keys, or they may not do this",
        "Check {keys}, and what they may do: list, read, write and delete under this address.",
    ),
    _Kind(
        r"SlowDown|ServerBusy|status code: (?:5\d\d|429)",
        "the store{endpoint} failed or is too busy",
        "Wait a while and " + _AGAIN,
    ),
    _Kind(
        "error sending request|dns error|connect error|tcp connect|connection (?:refused|reset|closed)"
        "|error trying to connect|network is unreachable|cannot connect|HTTP error|timed ?out"
        r"|\b(?:operation|request|connect|connection|read|gateway) ?timeout\b|Timeout(?:Error|Exception)",
        "the store{endpoint} cannot be reached",
        "Check the network and the endpoint, and " + _AGAIN,
    ),
)
_SETTINGS = {
    "gs": ("GOOGLE_SERVICE_ACCOUNT", "GOOGLE_ALLOW_HTTP", "GOOGLE_BASE_URL"),
    "az": (
        "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_ALLOW_HTTP",
        "AZURE_STORAGE_ENDPOINT",
    ),
}
_S3 = ("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "AWS_ALLOW_HTTP", "AWS_ENDPOINT")


# Names, which may hold any word: of XML answers, of objects, and all that is written with a slash.
_TAGS = re.compile(r"<(Key|BucketName|Bucket|Resource|RequestId|HostId)>[^<]*</\1>", re.IGNORECASE)
_LOCATION = re.compile(r"(?i)(object at location ).*?(?= not found| already exists|:|$)")
_PATH = re.compile(r"""[^\s<>"']*/[^\s<>"']*""")
_OF_KEYS = re.compile(r"^https?://(169\.254\.169\.254|metadata\.google\.internal)[:/]")


def remote_fault(said: str, uri: str, is_missing: bool = False) -> Fault | None:
    """Return the fault that a library's words for a failed request mean; None where they say nothing known.

    `is_missing` says that the store has answered, and lacks what was asked for: then only the bucket may be at fault.

    Nothing of these words is shown: they may hold a key.

    >>> remote_fault("Generic S3 error: ... <Code>NoSuchBucket</Code>", "s3://news/db").what.split(" at ")[0]
    "there is no bucket 'news'"
    """
    # What follows names settings of the client, which look like faults.
    scheme, _, rest = uri.partition("://")
    said = _without_names(said.partition("Debug source")[0], rest)
    keys, http, endpoint = _SETTINGS.get(scheme, _S3)
    set_to = os.environ.get(endpoint) or (os.environ.get("AWS_ENDPOINT_URL") if endpoint == "AWS_ENDPOINT" else None)
    values = {
        "bucket": rest.split("/", 1)[0],
        "endpoint": f" at {masked(set_to)}" if set_to else "",
        "keys": keys,
        "http": http,
    }
    for kind in _KINDS[:1] if is_missing else _KINDS:
        if re.search(kind.known_by, said, re.IGNORECASE):
            return Fault(kind.what.format(**values), kind.hint.format(**values))
    return None


def _without_names(said: str, rest: str) -> str:
    """Return a library's words without the names of buckets and objects in them.

    >>> _without_names("Object at location timeouts/x.csv not found: GET http://host/news/timeouts/x.csv", "news")
    'Object at location   not found: GET  '
    """
    said = _LOCATION.sub(r"\1 ", _TAGS.sub(" ", said))
    for part in filter(None, rest.split("/")):
        for written in (f"{part}/", f"/{part}", f"'{part}'"):
            said = said.replace(written, "/")
    return _PATH.sub(_host_of_keys, said)


def _host_of_keys(path: re.Match[str]) -> str:
    host = _OF_KEYS.match(path[0])
    return f" {host[1]} " if host else " "
