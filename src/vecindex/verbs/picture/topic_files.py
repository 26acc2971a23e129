"""Names of topics that a user chose: a CSV file of the topics, whose column `name` is edited."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vecindex.core.picture import MapPicture, TopicLevel
from vecindex.core.texts.short import distinct
from vecindex.errors import ConfigError, SourceError
from vecindex.files import is_there
from vecindex.messages import Command, Text, command, text
from vecindex.sources.files import InputFile, like_it

COLUMNS = ("level", "topic", "name", "articles", "example")
_NEEDED = ("level", "topic", "name")


@dataclass(frozen=True, slots=True)
class NamedTopic:
    """A line of the file: the topic's level and name as it was found, the name to show, and one of its articles."""

    level: int
    topic: str
    name: str
    example: str


def topics_csv(picture: MapPicture, found: Sequence[TopicLevel]) -> str:
    """Return the topics of a picture as CSV; `found` are they with the names that were found."""
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, (level, shown) in enumerate(zip(found, picture.topic_levels, strict=True)):
        topics = {name: topic for topic, name in enumerate(shown.names)}
        labels = [label for label in picture.topics if label.level == number]
        for label in sorted(labels, key=lambda one: -one.count):
            topic = topics[label.name]
            # A label stands on one of its articles.
            rows = np.flatnonzero(level.which == topic)
            example = picture.ids[int(rows[((picture.xy[rows] - [label.x, label.y]) ** 2).sum(axis=1).argmin()])]
            writer.writerow([number, level.names[topic], label.name, label.count, example])
    return made.getvalue()


def read_topics(path: str) -> list[NamedTopic]:
    """Return the lines of a file of topics.

    Raises SourceError where it cannot be read, or is not such a file.
    """
    if not is_there(path):
        raise SourceError(
            f"{path}: no such file", text(like_it(path), "Make it, with the topics as they are found: ", _made(path))
        )
    source = InputFile(path, path)
    try:
        with source.open() as stream:
            content = stream.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: not valid UTF-8 at byte {error.start + 1}", _another(path)) from error
    reader = csv.DictReader(io.StringIO(content))
    missing = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
    if missing:
        raise SourceError(
            f"{path}: no column {missing[0]!r}, so it is no file of topics "
            f"(columns there: {', '.join(reader.fieldnames or ()) or 'none'}).",
            _another(path),
        )
    named = []
    for row in reader:
        level, name = (row["level"] or "").strip(), " ".join((row["name"] or "").split())
        if not level.isdecimal():
            raise SourceError(
                f"{path}, line {reader.line_num}: the level is a number from 0, found {level!r}.",
                "Change only the column name; the others say which topic it is.",
            )
        named.append(NamedTopic(int(level), row["topic"] or "", name, row.get("example") or ""))
    return named


def _made(path: str) -> Command:
    return command("write_topics", path)


def _another(path: str) -> Text:
    """Return how to make such a file under a name that is not taken."""
    free = Path(path).with_stem(f"{Path(path).stem}-new")
    number = 2
    while is_there(free):
        free, number = Path(path).with_stem(f"{Path(path).stem}-new{number}"), number + 1
    return text("Make one under another name: ", _made(str(free)))


class Renamed:
    """Gives topics the names of a file.

    Attributes
    ----------
    ids : of the articles in the picture's order.
    found : the topics with the names that were found.
    unused : lines of the file that fit no topic.
    """

    def __init__(self, named: Sequence[NamedTopic], ids: Sequence[str]) -> None:
        """Take the lines, and the ids of the articles in the picture's order."""
        self._named = named
        self.ids = ids
        self.found: list[TopicLevel] = []
        self.unused = 0

    def __call__(self, levels: list[TopicLevel]) -> list[TopicLevel]:
        """Return the levels with the names of the file.

        A line fits the topic of its level that was found under the same name; else the one that its example is in,
        where no other line fits that.
        """
        self.found = levels
        rows = {id: row for row, id in enumerate(self.ids)} if self._named else {}
        renamed = []
        fitted = 0
        for number, level in enumerate(levels):
            own = [line for line in self._named if line.level == number]
            at = {name: topic for topic, name in enumerate(level.names)}
            names: dict[int, str] = {at[line.topic]: line.name for line in own if line.topic in at}
            fitted += sum(line.topic in at for line in own)
            for line in own:
                row = None if line.topic in at else rows.get(line.example)
                topic = -1 if row is None else int(level.which[row])
                if topic >= 0 and topic not in names:
                    names[topic] = line.name
                    fitted += 1
            shown = [names.get(topic) or name for topic, name in enumerate(level.names)]
            renamed.append(TopicLevel(tuple(distinct(shown)), level.which))
        self.unused = len(self._named) - fitted
        return renamed


def check_topics_file(path: str | None) -> list[NamedTopic]:
    """Return the lines of the file that an option names; none without one."""
    if path is None:
        return []
    check_suffix(path)
    return read_topics(path)


def check_suffix(path: str) -> None:
    """Raise ConfigError for a file that is no CSV."""
    if not path.lower().endswith(".csv"):
        raise ConfigError(f"A file of topics is a .csv, found {path!r}.", "For example: topics.csv")
