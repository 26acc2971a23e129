"""Names of topics in several languages and of genes: ours, and class TF-IDF as BERTopic has it by default.

    python bench/topic_names.py --handbook DIR [--languages de-DE zh-CN ar-MA] [--passages FILE.parquet FILE.npy]
    python bench/topic_names.py --help-pages DIR... (one each language, of the packages libreoffice-help-de and so on)

DIR is the unpacked Debian package `debian-handbook`: a book in 26 languages whose paragraphs have a chapter, as real
text with known topics (GPL-2+ or CC BY-SA 3.0; not part of the repository). Paragraphs become vectors by TF-IDF of
runs of 2 to 4 characters and a singular value decomposition, the same for all languages. They are clustered by us and
by UMAP with HDBSCAN, as BERTopic does; both are compared with the chapters (adjusted mutual information). Ours
are named both ways. Class TF-IDF takes scikit-learn's words and no stop words, the default of BERTopic.

With `--help-pages` the same is done with the pages of LibreOffice's help (MPL 2.0), whose module is the known topic.

With `--passages` those on genes and proteins are clustered by their stored vectors, and named both ways too; and all
are clustered as for a map page, whose names of the middle level are listed.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from machine import machine
from topics import cpu_s, vecindex_layers
from topics_measures import Labels, Vectors, assigned, known_topics
from vecindex.core.texts.languages import language_of
from vecindex.core.texts.stopwords import STOP_WORDS
from vecindex.verbs.picture.topic_names import count_terms, name_groups

_DIMENSION = 64
_LEAST_CHARACTERS = {"zh": 40, "ja": 40}
_PHRASE = 8
_GENES = re.compile(r"\b(?:genes?|proteins?|receptors?|kinases?|mutations?|antibod(?:y|ies)|T cells?)\b")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff]")


def chapters(folder: Path, language: str) -> tuple[list[str], list[str]]:
    """Return the paragraphs of a translation that are in its language, and the chapter of each."""
    from selectolax.lexbor import LexborHTMLParser

    found: dict[str, str] = {}
    for file in sorted(folder.rglob(f"html/{language}/*.html")):
        page = LexborHTMLParser(file.read_text(encoding="utf-8"))
        up = page.css_first("link[rel=up]") if file.name.startswith("sect.") else None
        chapter = file.name if up is None else str(up.attributes["href"])
        if chapter.startswith("sect.") or chapter in ("index.html", "preface.html", "foreword.html"):
            continue
        for part in page.css("div.para"):
            text = " ".join(part.text().split())
            code = language[:2]
            if len(text) > _LEAST_CHARACTERS.get(code, 100) and language_of(text) == code:
                found.setdefault(text, chapter)
    return list(found), list(found.values())


def help_pages(folder: Path) -> tuple[str, list[str], list[str], list[str]]:
    """Return the language, the titles and texts of LibreOffice's help pages, and the module of each."""
    from selectolax.lexbor import LexborHTMLParser

    root = next(folder.rglob("help/*/text")) if not (folder / "text").is_dir() else folder / "text"
    found: dict[str, tuple[str, str]] = {}
    for file in sorted(root.rglob("*.html")):
        page = LexborHTMLParser(file.read_text(encoding="utf-8"))
        shown, title = page.css_first("#DisplayArea"), page.css_first("title")
        if shown is None or title is None:
            continue
        text = " ".join(" ".join(part.text().split()) for part in shown.css("p.paragraph"))
        if len(text) > _LEAST_CHARACTERS.get(root.parent.name[:2], 100):
            found.setdefault(text, (title.text().strip(), file.relative_to(root).parts[0]))
    return root.parent.name, [t for t, _ in found.values()], list(found), [module for _, module in found.values()]


def vectors_of(texts: Sequence[str]) -> Vectors:
    """Return unit vectors (n, 64)."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    weights = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=3, sublinear_tf=True).fit_transform(
        texts
    )
    found = TruncatedSVD(_DIMENSION, random_state=0).fit_transform(weights)
    return (found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)).astype(np.float32)


def hdbscan_labels(vectors: Vectors) -> Labels:
    """Return the clusters of HDBSCAN in five dimensions of UMAP, with the settings of BERTopic; -1 for none."""
    import umap
    from sklearn.cluster import HDBSCAN

    few = umap.UMAP(n_components=5, n_neighbors=15, min_dist=0.0, metric="cosine", random_state=0).fit_transform(
        vectors
    )
    return np.asarray(HDBSCAN(min_cluster_size=10, copy=True).fit_predict(few), dtype=np.int64)


def ctfidf(texts: Sequence[str], labels: Labels) -> list[str]:
    """Return three words for each topic by class TF-IDF, with scikit-learn's default words."""
    counter = CountVectorizer()
    words = counter.fit_transform(texts)
    counts = np.stack([np.asarray(words[labels == t].sum(axis=0))[0] for t in range(int(labels.max()) + 1)])
    weight = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    weight = weight * np.log1p(counts.sum(axis=1).mean() / np.maximum(counts.sum(axis=0), 1))
    vocabulary = counter.get_feature_names_out()
    return [", ".join(vocabulary[i] for i in row[:3]) for row in np.argsort(-weight, axis=1, kind="stable")]


def worth(names: Sequence[str], code: str) -> dict[str, Any]:
    """Return the share of terms that are stop words, of phrases of unspaced scripts, and of names that are unique."""
    terms = [term.strip() for name in names for term in name.split(",")]
    stops = {word.casefold() for word in STOP_WORDS[code]}
    long = sum(len(term) > _PHRASE and bool(_UNSPACED.search(term)) for term in terms)
    return {
        "terms": len(terms),
        "stop_words": round(sum(term.casefold() in stops for term in terms) / len(terms), 3),
        "whole_phrases": round(long / len(terms), 3),
        "with_digits": round(sum(bool(re.search(r"\d", term)) for term in terms) / len(terms), 3),
        "different_names": round(len(set(names)) / len(names), 3),
    }


def named(texts: Sequence[str], labels: Labels, titles: Sequence[str] | None = None) -> list[str]:
    some = [""] * len(texts) if titles is None else titles
    return name_groups(count_terms(some, [t[:400] for t in texts], labels, int(labels.max()) + 1))


def measured(
    corpus: str,
    code: str,
    texts: Sequence[str],
    known: Sequence[str],
    titles: Sequence[str] | None = None,
    names_only: bool = False,
) -> list[dict[str, Any]]:
    """Return the rows of a corpus with known topics: how well clusters agree with them, and names both ways."""
    vectors = vectors_of(texts)
    begun = cpu_s()
    ours = vecindex_layers(vectors, 0, (max(18, len(set(known))),))[0]
    our_s, begun = cpu_s() - begun, cpu_s()
    row = {"bench": "topic_names", "corpus": corpus, "paragraphs": len(texts)}
    ways = (("ours", named(texts, ours, titles)), ("class TF-IDF", ctfidf(texts, ours)))
    names = [{**row, "names_by": way, **worth(found, code), "names": found} for way, found in ways]
    if names_only:
        return names
    theirs = hdbscan_labels(vectors)
    return [
        {
            **row, "chapters": len(set(known)),
            "ours_ami": round(known_topics(ours, known)["ami"], 3), "ours_cpu_s": round(our_s, 1),
            "umap_hdbscan_ami": round(known_topics(theirs, known)["ami"], 3),
            "umap_hdbscan_assigned_ami": round(known_topics(assigned(vectors, theirs), known)["ami"], 3),
            "umap_hdbscan_topics": int(theirs.max()) + 1, "umap_hdbscan_cpu_s": round(cpu_s() - begun, 1),
            "umap_hdbscan_without_topic": round(float((theirs < 0).mean()), 3),
        },
        *names,
    ]  # fmt: skip


def map_names(args: argparse.Namespace, titles: Sequence[str], texts: Sequence[str]) -> dict[str, Any]:
    """Return the names of the levels of a map page of all passages but the finest."""
    from vecindex.verbs.picture.topics import NAMED_BY, topic_numbers

    vectors = np.load(args.passages[1]).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    numbers = topic_numbers(len(vectors))
    order = np.random.default_rng(0).permutation(len(vectors))[:NAMED_BY]
    some, beginnings = [titles[i] for i in order], [texts[i][:400] for i in order]
    found = {}
    for name, level in zip(("coarse", "middle"), vecindex_layers(vectors, 0, numbers), strict=False):
        found[name] = name_groups(count_terms(some, beginnings, level[order], int(level.max()) + 1))
    return found


def main() -> None:
    """Run what was asked for, and append its rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--handbook", type=Path)
    parser.add_argument("--languages", nargs="*", default=["de-DE", "fr-FR", "es-ES", "zh-CN", "ja-JP", "ar-MA"])
    parser.add_argument("--help-pages", nargs="*", type=Path, default=[])
    parser.add_argument("--names-only", action="store_true", help="leave out the comparison with UMAP and HDBSCAN")
    parser.add_argument("--passages", nargs=2, type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "topic_names.jsonl")
    args = parser.parse_args()

    def put(row: dict[str, Any]) -> None:
        with args.out.open("a") as stream:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
        print(json.dumps(row, ensure_ascii=False), flush=True)

    put({"bench": "topic_names", **machine()})
    for language in args.languages if args.handbook else []:
        texts, known = chapters(args.handbook, language)
        for row in measured(f"debian-handbook {language}", language[:2], texts, known, names_only=args.names_only):
            put(row)
    for folder in args.help_pages:
        language, titles, texts, known = help_pages(folder)
        for row in measured(f"libreoffice-help {language}", language[:2], texts, known, titles, args.names_only):
            put(row)
    if args.passages:
        import pyarrow.parquet as pq

        table = pq.read_table(args.passages[0], columns=["text"])
        texts = table.column("text").to_pylist()
        titles = pq.read_table(args.passages[0], columns=["title"]).column("title").to_pylist()
        put(
            {
                "bench": "topic_names",
                "corpus": "all passages",
                "paragraphs": len(texts),
                **map_names(args, titles, texts),
            }
        )
        rows = np.array([i for i, text in enumerate(texts) if len(_GENES.findall(text[:800])) >= 3])
        vectors = np.load(args.passages[1], mmap_mode="r")[rows].astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        some = [texts[i] for i in rows]
        labels = vecindex_layers(vectors, 0, (20,))[0]
        row = {"bench": "topic_names", "corpus": "passages on genes and proteins", "paragraphs": len(some)}
        for way, names in (("ours", named(some, labels)), ("class TF-IDF", ctfidf(some, labels))):
            put({**row, "names_by": way, **worth(names, "en"), "names": names})


if __name__ == "__main__":
    main()
