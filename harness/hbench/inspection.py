"""What a stored dataset holds, beside what it should hold; for people and programs."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from hbench.corpus import Corpus
from hbench.jobs import DataJob
from hbench.manifests import read_manifest
from hbench.store import Store

Counts = Mapping[str, int]


def inspect(job: DataJob, store: Store, examples: int) -> dict[str, Any]:
    """Describe a dataset that is stored.

    Args:
        job: what stored it.
        store: the results folder.
        examples: how many questions with a relevant passage to show in each language.

    Returns:
        JSON: by language the counts and examples, and under ``differs`` each count that is not what
        the plugin says it must be.
    """
    folder, plugin = job.folder(store), job.dataset.plugin
    corpus, manifest = Corpus(folder), read_manifest(folder)
    counts = _counts(corpus)
    known: Mapping[str, Counts] = plugin.counts() if hasattr(plugin, "counts") else {}
    facts = manifest["detail"]
    return {
        "dataset": job.dataset.entry.name,
        "options": dict(job.dataset.options),
        "distribution": job.dataset.entry.distribution,
        "licence": getattr(plugin, "licence", None),
        "parallel": corpus.parallel,
        "items": facts["items"],
        "clusters": facts["clusters"],
        "fingerprint": job.fingerprint,
        "folder": str(folder),
        "bytes": sum(file["bytes"] for file in manifest["files"].values()),
        "notes": list(filter(None, [*facts["notes"], corpus.told_repeated()])),
        "checked": bool(known),
        "differs": [
            {"language": name, "what": what, "found": counts[name][what], "expected": expected}
            for name, wanted in known.items()
            if name in counts
            for what, expected in wanted.items()
            if counts[name][what] != expected
        ],
        "languages": {
            name: {**counts[name], "examples": _examples(corpus, index, examples)}
            for index, name in enumerate(corpus.languages)
        },
    }


def _counts(corpus: Corpus) -> dict[str, Counts]:
    """By language: queries, passages, judgements of its passages, and those that are relevant."""
    _, passage, grade = corpus.judgements
    language = corpus.passage_languages(passage)
    size = len(corpus.languages)
    columns = {
        "queries": np.diff(corpus.query_offsets),
        "passages": np.diff(corpus.passage_offsets),
        "judgements": np.bincount(language, minlength=size),
        "relevant": np.bincount(language[grade > 0], minlength=size),
    }
    return {
        name: {what: int(column[index]) for what, column in columns.items()}
        for index, name in enumerate(corpus.languages)
    }


def _examples(corpus: Corpus, language: int, count: int) -> list[dict[str, str]]:
    """The first questions of a language, each with its best passage there, if it has one."""
    name = corpus.languages[language]
    first = corpus.query_offsets[language]
    queries = corpus.table(f"queries-{name}")["text"].slice(0, count).to_pylist()
    passages, relevant = corpus.table(f"passages-{name}")["text"], corpus.first_relevant()
    found = []
    for number, query in enumerate(queries):
        best = relevant[corpus.query_items[first + number], language]
        row = int(best) - int(corpus.passage_offsets[language])
        found.append({"query": query, "passage": passages[row].as_py() if best >= 0 else ""})
    return found
