"""The table of questions with their vectors, so that a set is embedded once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from vecindex.core.conditions import isin
from vecindex.core.questions import Question, QuestionSet
from vecindex.core.vectors import F32
from vecindex.errors import TableNotFoundError
from vecindex.messages import Placeholder, command, text
from vecindex.schema import questions_schema, stored_json
from vecindex.store.database import QUESTIONS, AuxiliaryTable
from vecindex.store.remote.commits import upsert
from vecindex.types import Fingerprint

if TYPE_CHECKING:
    import pyarrow as pa


_COLUMNS = ("key", "question_set", "id", "text", "topic", "answers", "hash", "fingerprint")
_AT_ONCE = 2_000
_NOTES, _NOTES_AT, _MOST_NOTES = "vecindex:notes", "question_set", 50


class QuestionTable(AuxiliaryTable):
    """The questions of all sets of a database, one row for each (set, id, model)."""

    prefix = QUESTIONS

    def vectors(self, hashes: Sequence[str]) -> dict[str, F32]:
        """Return the vectors (d,) kept under these hashes, of whichever set."""

        def look(table: Any) -> dict[str, F32]:
            found: dict[str, F32] = {}
            for at in range(0, len(hashes), _AT_ONCE):
                condition = isin("hash", hashes[at : at + _AT_ONCE])
                for row in _rows(table, ["hash", "vector"], condition):
                    found[row["hash"]] = np.asarray(row["vector"], dtype=np.float32)
            return found

        nothing: dict[str, F32] = {}
        return self._read(look, nothing)

    def texts_of(self, id: str) -> dict[str, str]:
        """Return the text of the question with this id, by the name of each set that has one."""

        def look(table: Any) -> dict[str, str]:
            found = _rows(table, ["question_set", "text", "embedded_at"], isin("id", [id]))
            return {row["question_set"]: row["text"] for row in sorted(found, key=lambda row: row["embedded_at"])}

        nothing: dict[str, str] = {}
        return self._read(look, nothing)

    def sets_of(self, stored: Fingerprint) -> list[QuestionSet]:
        """Return the sets that the model of a table embedded, each question once, in order of their names."""

        def look(table: Any) -> list[QuestionSet]:
            wanted = ["question_set", "id", "text", "topic", "answers", "fingerprint"]
            rows = _rows(table, wanted)
            found: dict[str, dict[str, Question]] = {}
            for row in rows:
                made = stored_json(row["fingerprint"], "What made the questions' vectors")
                if isinstance(made, dict) and {key: made.get(key) for key in mine} == mine:
                    one = Question(row["id"], row["text"], row["topic"], tuple(row["answers"]))
                    found.setdefault(row["question_set"], {})[one.id] = one
            return [QuestionSet(name, tuple(found[name].values())) for name in sorted(found)]

        mine = stored.to_dict()
        nothing: list[QuestionSet] = []
        return self._read(look, nothing)

    def vectors_by(self, stored: Fingerprint) -> F32 | None:
        """Return the vectors (m, d) of all questions that the model of a table embedded, each once; None without."""

        def look(table: Any) -> F32 | None:
            found: dict[str, Any] = {}
            for row in (
                table.search().select(["hash", "vector", "fingerprint"]).limit(table.count_rows() + 1).to_list()
            ):
                made = stored_json(row["fingerprint"], "What made the questions' vectors")
                if isinstance(made, dict) and {key: made.get(key) for key in mine} == mine:
                    found[row["hash"]] = row["vector"]
            return np.array([found[key] for key in sorted(found)], dtype=np.float32) if found else None

        mine = stored.to_dict()
        return self._read(look, None)

    def own_prompt(self, stored: Fingerprint) -> str | None:
        """Return the model's own prompt behind which questions were embedded last; None when none were."""

        def look(table: Any) -> str | None:
            rows = _rows(table, ["fingerprint", "embedded_at"])
            for row in sorted(rows, key=lambda row: row["embedded_at"], reverse=True):
                made = stored_json(row["fingerprint"], "What made the questions' vectors")
                prompt = made.get("question_prompt") if isinstance(made, dict) else None
                if row["fingerprint"] == _made_by(stored, prompt, True):
                    return prompt if isinstance(prompt, str) else None
            return None

        return self._read(look, None)

    def rows(
        self,
        asked: QuestionSet,
        hashes: Sequence[str],
        vectors: F32,
        stored: Fingerprint,
        prompt: str | None,
        own: bool,
    ) -> pa.Table:
        """Return a set as rows of the table; `own` says that the prompt is the model's."""
        import pyarrow as pa

        made_by = _made_by(stored, prompt, own)
        now = datetime.now(UTC)
        made = [
            {
                "key": _digest(asked.name, question.id, made_by),
                "question_set": asked.name,
                "id": question.id,
                "text": question.text,
                "topic": question.topic,
                "answers": list(question.answers),
                "vector": vector,
                "fingerprint": made_by,
                "hash": key,
                "embedded_at": now,
            }
            for question, key, vector in zip(asked.questions, hashes, vectors, strict=True)
        ]
        return pa.Table.from_pylist(made, schema=questions_schema())

    def holds(self, rows: pa.Table) -> bool:
        """Return whether exactly this set is in the table under its name and model."""
        mine = _by_key(rows.select(list(_COLUMNS)).to_pylist())

        def look(table: Any) -> bool:
            return _by_key(_rows(table, _COLUMNS, _same_set(rows))) == mine

        return self._read(look, False)

    def put(self, rows: pa.Table) -> None:
        """Keep a set in place of what its name had, as one commit. The caller holds the writer lock."""

        def put(table: Any) -> None:
            if table is None:
                # Made from rows, LanceDB would give the column their length, and refuse those of another model.
                table = self._database.create_table(self.name, schema=questions_schema())
            upsert(table, self.where, rows, _same_set(rows), key="key")

        self._change(put)

    def noted(self, key: str) -> dict[str, Any] | None:
        """Return what was noted of a set of questions under a key of its own; None without it."""

        def look(table: Any) -> dict[str, Any] | None:
            found = _notes(table).get(key)
            return found if isinstance(found, dict) else None

        return self._read(look, None)

    def note(self, key: str, what: dict[str, Any]) -> None:
        """Keep a note of a set, and the newest of the others, where the table was made. The caller holds the lock."""

        def put(table: Any) -> None:
            if table is not None:
                notes = {**{one: old for one, old in _notes(table).items() if one != key}, key: what}
                kept = dict(list(notes.items())[-_MOST_NOTES:])
                table.update_field_metadata({"path": _NOTES_AT, "metadata": {_NOTES: json.dumps(kept)}})

        self._change(put)

    def _open(self) -> Any:
        table = super()._open()
        if "question_set" not in table.schema.names:
            raise TableNotFoundError(
                f"{self.where} is a table of something else, so no questions can be kept.",
                text(
                    "Give that table another name: ",
                    command("ingest", Placeholder("SOURCE"), table=Placeholder("NAME")),
                ),
            )
        return table


def _rows(table: Any, columns: Sequence[str], condition: str | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table.to_lance().to_table(columns=list(columns), filter=condition).to_pylist()
    return found


def _made_by(stored: Fingerprint, prompt: str | None, own: bool) -> str:
    return json.dumps({**stored.to_dict(), "question_prompt": prompt, "own_prompt": own}, sort_keys=True)


def _same_set(rows: pa.Table) -> str:
    name, made_by = rows.column("question_set")[0].as_py(), rows.column("fingerprint")[0].as_py()
    return f"{isin('question_set', [name])} AND {isin('fingerprint', [made_by])}"


def _by_key(rows: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted((*(str(row[c]) for c in _COLUMNS),) for row in rows)


def _digest(*parts: str) -> str:
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def _notes(table: Any) -> dict[str, Any]:
    stored = (table.schema.field(_NOTES_AT).metadata or {}).get(_NOTES.encode())
    found = None if stored is None else stored_json(stored.decode(), "What is noted of questions")
    return found if isinstance(found, dict) else {}
