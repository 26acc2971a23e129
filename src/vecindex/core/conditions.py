"""What a condition of a user may be made of, so that it needs little time and memory for each row.

LanceDB computes a condition inside this process, a constant of a gigabyte too, and cannot be interrupted within a
batch of rows. So what is computed is bounded before it starts: functions whose values are no larger than what they
take, few of them, and small patterns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

_LISTED_FUNCTIONS = """
abs acos array_contains array_has array_has_all array_has_any array_length array_position arrow_typeof ascii
asin atan atan2 bit_length btrim cardinality cbrt ceil char_length character_length chr coalesce concat contains
contains_tokens cos cosh current_date date_bin date_part date_trunc datepart datetrunc degrees empty ends_with
exp floor from_unixtime get_field greatest ifnull initcap instr is_valid isnan iszero json_array_contains
json_array_length json_exists json_extract json_get json_get_bool json_get_float json_get_int json_get_string
least left length list_contains list_has list_has_all list_has_any ln log log10 log2 lower ltrim make_array
make_date md5 nanvl now nullif nvl nvl2 octet_length pi position pow power radians regexp_count regexp_instr
regexp_like regexp_match reverse right round rtrim sha256 signum sin sinh split_part sqrt starts_with strpos
substr substring tan tanh to_date to_timestamp to_timestamp_micros to_timestamp_millis to_timestamp_seconds
to_unixtime today translate trim trunc upper
"""
FUNCTIONS = frozenset(_LISTED_FUNCTIONS.split())
"""Functions that a condition may call. Left out is what makes a value as long as a number says (`repeat`, `lpad`,
`range`), what may multiply a text (`replace`), and what is not linear in it (`levenshtein`)."""

MAX_OPERATIONS = 50
"""Functions with each further argument, casts and arithmetic in one condition: each may hold a copy of a text;
thousands overflow the stack."""
MAX_JOINED = 2_000
"""ANDs and ORs in one condition; of 4,000 LanceDB still makes a plan."""
MAX_PATTERN_CHARS = 200
MAX_PATTERN_STEPS = 1_000
"""Characters of all regular expressions, repetitions written out."""

# Words before a bracket that call nothing. Types may have a number in brackets.
_LISTED_KEYWORDS = """
all and any as between binary by case char character datetime decimal distinct else end escape exists
fixed_size_binary
float from ilike in is like not null numeric on or select similar some then time timestamp to values varchar
when where
"""
_KEYWORDS = frozenset(_LISTED_KEYWORDS.split())
_CASTS = frozenset({"cast", "safe_cast", "try_cast"})
_COMPARED = frozenset({"like", "ilike"})
_REGULAR = frozenset({"regexp_count", "regexp_instr", "regexp_like", "regexp_match"})
# Other ways to write a regular expression, whose pattern would not be looked at.
_OTHER_REGULAR = frozenset({"regexp", "rlike", "similar"})
# Before a quote these make a text of another form, which ends elsewhere or makes LanceDB panic.
_PREFIXES = frozenset({"b", "br", "e", "n", "q", "r", "rb"})
_ARITHMETIC = frozenset({"||", "::", "+", "-", "*", "/", "%", "^", "&", "|", "~", "[", "<<", ">>"})
_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
    |(?P<text>'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`)
    |(?P<number>\d[\w.]*)
    |(?P<word>[^\W\d]\w*)
    |(?P<sign>\|\||::|<<|>>|--|/\*|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_STEP = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]])*\]|\{(\d+)(?:,(\d*))?\}|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    spaced: bool
    """Whether space stands before it."""

    @property
    def name(self) -> str:
        """The word in lower case, without its quotes."""
        return self.text.strip('"`').lower() if self.kind in ("word", "quoted") else ""


_START = _Token("sign", "(", True)
_END = _Token("sign", ")", True)


def excess(condition: str) -> str | None:
    """Return what in a condition goes beyond the bounds, None for nothing.

    >>> excess("repeat('a', 1000000000) = id")
    'it calls repeat, which a condition may not.'
    >>> excess("lower(title) LIKE '%cell%' AND year > 1990")
    """
    operations = joined = 0
    before = _START
    tokens = list(_tokens(condition))
    in_call: list[bool] = []
    for token, after in pairwise([*tokens, _END]):
        reason = _not_taken(token, before, after)
        if reason is not None:
            return reason
        calls = token.text == "(" and _may_call(before)
        if calls and before.name not in FUNCTIONS | _CASTS:
            return f"it calls {before.name}, which a condition may not."
        if token.text == "(":
            in_call.append(calls)
        elif token.text == ")" and in_call:
            in_call.pop()
        joined += token.kind == "word" and token.name in ("and", "or")
        operations += calls or _is_operation(token, before, after) or (token.text == "," and in_call[-1:] == [True])
        before = token
    if operations > MAX_OPERATIONS:
        return f"it has {operations:,} functions, casts and operators, and may have {MAX_OPERATIONS}."
    if joined > MAX_JOINED:
        return f"it has {joined:,} ANDs and ORs, and may have {MAX_JOINED:,}; put values into a list: id IN (...)."
    return _pattern_excess(tokens)


def columns_in(condition: str, columns: Sequence[str]) -> list[str]:
    r"""Return the columns that a condition names, in their order.

    >>> columns_in("Year > 1990 AND \"topic\" = 'lang'", ["lang", "topic", "year"])
    ['topic', 'year']
    """
    named = {token.name for token in _tokens(condition)}
    return [name for name in columns if name.lower() in named]


def in_backquotes(condition: str | None) -> str | None:
    r"""Return a condition with its quoted names in backquotes, for Lance takes what is in double quotes for a text.

    >>> in_backquotes("\"My field\" = 'say \"no\"' AND `other` > 1")
    '`My field` = \'say "no"\' AND `other` > 1'
    """
    if condition is None or '"' not in condition:
        return condition
    return _TOKEN.sub(_backquoted, condition)


def _backquoted(token: re.Match[str]) -> str:
    name = token.group()
    if token.lastgroup != "quoted" or name[0] != '"':
        return name
    return "`" + name[1:-1].replace('""', '"').replace("`", "``") + "`"


def _tokens(condition: str) -> Iterator[_Token]:
    spaced = True
    for match in _TOKEN.finditer(condition):
        kind = str(match.lastgroup)
        if kind != "space":
            yield _Token(kind, match.group(), spaced)
        spaced = kind == "space"


def _not_taken(token: _Token, before: _Token, after: _Token) -> str | None:
    """Return why a token is refused between its neighbors."""
    if token.text == "~" or (
        token.kind == "word" and token.name in _OTHER_REGULAR and after.kind in ("text", "word")
    ):
        return f"it has {token.text}; write regexp_like(COLUMN, 'PATTERN')."
    if token.text in ("?", "$") or (token.text == ":" and (before.kind, after.kind) != ("number", "number")):
        # LanceDB would panic and say so on stderr. Between two numbers a colon is a part of a list.
        return "it has a placeholder for a value (?, $1 or :1); write the value itself."
    if token.text in ("--", "/*", "#"):
        return "it has a comment."
    if token.text in ("'", '"', "`"):
        return "a quotation mark is not closed."
    if token.kind == "text" and not token.spaced and (before.name in _PREFIXES or before.text == "&"):
        return f"a text has no prefix: {before.text}{token.text[:20]}."
    return None


def _may_call(before: _Token) -> bool:
    return before.kind == "quoted" or (before.kind == "word" and before.name not in _KEYWORDS)


def _is_operation(token: _Token, before: _Token, after: _Token) -> bool:
    if token.text == "-" and before.text in ("(", ",", "=", "<", ">"):
        return False  # the sign of a number
    if token.name == "not" and (before.name == "is" or after.name in ("like", "ilike", "in", "between")):
        return False  # a part of the comparison
    return token.text in _ARITHMETIC or (token.kind == "word" and token.name in ("case", "when", "not"))


def _pattern_excess(tokens: list[_Token]) -> str | None:
    """Return what is wrong with the patterns of a condition: one costs its length times that of the text."""
    steps = 0
    for at in range(len(tokens)):
        name = tokens[at].name
        pattern: str | None = ""
        if tokens[at].kind == "word" and name in _COMPARED:
            pattern = _literal(tokens, at + 1)
        elif name in _REGULAR and _follows(tokens, at + 1, "("):
            pattern = _second_argument(tokens, at + 2)
        if pattern is None:
            return f"{name} takes its pattern as a text in single quotes."
        if len(pattern) > MAX_PATTERN_CHARS:
            return f"a pattern has {len(pattern):,} characters, and may have {MAX_PATTERN_CHARS}: {pattern[:30]}..."
        if name in _REGULAR:
            steps += _steps(pattern)
    if steps > MAX_PATTERN_STEPS:
        most = f"{MAX_PATTERN_STEPS:,}"
        return f"its patterns have {steps:,} characters with repetitions written out, and may have {most}."
    return None


def _steps(pattern: str) -> int:
    """Return the length of a regular expression whose repetitions are written out; groups within groups multiply.

    >>> _steps("[0-9a-f]{8}-x{2,4}"), _steps("(a{10}b){10}")
    (13, 110)
    """
    groups, last = [0], 0
    for step in _STEP.finditer(pattern):
        least, most = step.groups()
        if step.group() == "(":
            groups.append(0)
            continue
        if step.group() == ")" and len(groups) > 1:
            last = groups.pop()
        elif least is not None:
            groups[-1] -= last
            last *= max(1, int(most or least))
        else:
            last = 1
        groups[-1] += last
    return sum(groups)


def _follows(tokens: list[_Token], at: int, *texts: str) -> bool:
    return at < len(tokens) and tokens[at].text in texts


def _literal(tokens: list[_Token], at: int) -> str | None:
    """Return the text in quotes that stands here, None where something else does or it is a part of something."""
    if at >= len(tokens) or tokens[at].kind != "text" or _follows(tokens, at + 1, *_ARITHMETIC):
        return None
    return tokens[at].text[1:-1]


def _second_argument(tokens: list[_Token], at: int) -> str | None:
    """Return the text that is the second argument of a call whose first one begins here, None for anything else."""
    depth = 0
    for i in range(at, len(tokens)):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(tokens[i].text, 0)
        if depth < 0:
            return None
        if depth == 0 and tokens[i].text == ",":
            return _literal(tokens, i + 1) if _follows(tokens, i + 2, ",", ")") else None
    return None


def isin(column: str, values: Sequence[str]) -> str:
    """Return the SQL condition that a text column holds one of the values, quoted.

    >>> isin("id", ["a", "it's"])
    "id IN ('a', 'it''s')"
    """
    quoted = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    return f"{column} IN ({quoted})" if values else "false"
