"""Spreadsheets for tests, written without a library."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import IO, Any
from xml.sax.saxutils import escape


def write_sheet(path: Path | IO[bytes], rows: list[list[Any]]) -> None:
    """Write the smallest .xlsx that holds the rows, and a second sheet."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"

    def sheet(rows: list[list[Any]]) -> str:
        out = []
        for i, row in enumerate(rows, 1):
            cells = [
                f'<c r="{chr(65 + j)}{i}"><v>{value}</v></c>'
                if isinstance(value, int | float)
                else f'<c r="{chr(65 + j)}{i}" t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'
                for j, value in enumerate(row)
                if value != ""
            ]
            out.append(f'<row r="{i}">{"".join(cells)}</row>')
        return f'<worksheet xmlns="{main}"><sheetData>{"".join(out)}</sheetData></worksheet>'

    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" '
        f'ContentType="{kinds}.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{rel}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{rel}"><sheets><sheet name="Corpus" sheetId="1" '
        'r:id="r1"/><sheet name="Notes" sheetId="2" r:id="r2"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{rel}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="r2" Type="{rel}/worksheet" Target="worksheets/sheet2.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": sheet(rows),
        "xl/worksheets/sheet2.xml": sheet([["a note"]]),
    }
    with zipfile.ZipFile(path, "w") as out:
        for name, text in parts.items():
            out.writestr(name, text)
