"""Write docs/cli.md from the commands themselves, so that it cannot differ from what they do.

    python docs/generate_cli.py

`make docs` runs it; tests/unit/test_docs.py fails while the page is not current.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("cli.md")

HEAD = """# Commands

This page is written by `make docs` from the commands themselves. Do not edit it by hand.

Results go to standard output; progress, messages and the log go to standard error. So `--json` can always be piped.
The exit codes are the same for every command: see [errors.md](errors.md).

The database is the folder named by `--db`, else by `$VECINDEX_DB`, else `./db`. The table is `articles` unless
`--table` names another.

Nothing is wider than the terminal, or than 80 columns without one; the variable `COLUMNS` asks for another width. A
command that is too long for a line is continued after a backslash, so that it can be pasted. A path or URL that is
too long stands unbroken on a line of its own, because a line end would change it. Lines of data are not wrapped:
`--json`, and what `search`, `tag` and `status --rejects` print separated by tabs where there is no terminal.
"""


def page() -> str:
    """Return the page."""
    import typer

    from vecindex.cli.app import app

    root: Any = typer.main.get_command(app)
    context = root.context_class(root, info_name="vecindex")
    parts = [HEAD, "## vecindex\n", _body(root, context)]
    for name, command in sorted(root.commands.items()):
        if not command.hidden:
            inner = command.context_class(command, info_name=name, parent=context)
            parts += [f"## vecindex {name}\n", _body(command, inner)]
    return "\n".join(parts)


def _body(command: Any, context: Any) -> str:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    # Typer puts braces and dots around a metavar that has its own dots.
    usage = re.sub(r"\{(\S+)\.\.\.\}\.\.\.", r"\1...", usage)
    parts = [f"```\n{usage}\n```\n", _paragraphs(command.help or "")]
    records = [(p.param_type_name, p.get_help_record(context)) for p in command.params]
    for kind, title in (("argument", "Argument"), ("option", "Option")):
        rows = [record for found, record in records if found == kind and record]
        if rows:
            parts.append(f"| {title} | Meaning |\n|---|---|")
            parts += [f"| {_code(names)} | {_cell(text)} |" for names, text in rows]
            parts.append("")
    if command.epilog:
        parts.append(_paragraphs(command.epilog))
    return "\n".join(parts)


def _paragraphs(text: str) -> str:
    paragraphs = text.replace("\b", "").strip().split("\n\n")
    return "\n\n".join(" ".join(p.split()) for p in paragraphs) + "\n"


def _code(names: str) -> str:
    # The types in angle brackets are Typer's; a reader sees an HTML tag in them.
    plain = re.sub(r"<list\[(\w+)\]>", "", names)
    plain = re.sub(
        r"<(\w+)>", lambda found: {"str": "TEXT", "int": "N", "float": "X"}.get(found[1], found[1].upper()), plain
    )
    return "`" + plain.strip().replace("|", "\\|") + "`"


def _cell(text: str) -> str:
    return text.strip().replace("|", "\\|").replace("  [", " [")


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
