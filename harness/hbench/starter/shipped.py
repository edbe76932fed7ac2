"""What a starter file names of the plugins that ship with hbench: the one place that knows them."""

from collections.abc import Mapping, Sequence
from typing import Any

# Datasets: aligned files, BEIR's folders, SQuAD's articles, and one that is made up.
ALIGNED, FOLDERS, ARTICLES, SYNTHETIC = "parallel", "beir", "squad", "babel"

SAMPLERS = ("mono", "cross", "hybrid")
MONOLINGUAL_SAMPLERS = ("mono", "mixed")  # for data that is not parallel
SAMPLER_OPTIONS: Mapping[str, Mapping[str, Any]] = {"hybrid": {"alpha": 0.5}}

ENCODER = "scratch"
ENCODER_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "scratch": {"hidden": 96, "layers": 2, "vocabulary": 4000}
}
OTHER_ENCODERS = (
    "{use: xlm-r}, {use: labse}, or any of the hub: {use: huggingface, model: ..., revision: ...}"
)

OBJECTIVE: Mapping[str, Any] = {"use": "infonce", "temperature": 0.05}

# Not recall@1: in 'multi' it is at most 1/L, since every language has a relevant passage.
AVERAGE, FIRST, GRADED, BIAS = "map", "success@1", "ndcg@10", "rank_distance"
GRADED_DEPTH = 10  # passages that GRADED looks at; a pool must have as many

# What a file's columns are often called, the best name first.
QUERY_NAMES: Sequence[str] = (
    "query", "question", "q", "queries", "questions", "prompt", "title", "headline", "anchor",
)  # fmt: skip
PASSAGE_NAMES: Sequence[str] = (
    "passage", "answer", "answers", "a", "context", "document", "positive", "response", "reply",
    "target", "text", "body", "abstract", "content",
)  # fmt: skip
ID_NAMES: Sequence[str] = (
    "id", "_id", "item", "item_id", "qid", "query_id", "query-id", "question_id", "example_id",
    "uid", "uuid", "key", "number", "nr", "no", "ticket", "ticket_id", "case", "case_id",
)  # fmt: skip

MADE_UP: Sequence[str] = (
    "The data is made up, so that this file runs on any machine.",
    (
        "Your own: `hbench init --data PATTERN` looks at it; {lang} in the pattern stands for a "
        "language's code, as in data/{lang}.tsv. Or write one of these in place of {use: babel, "
        "...}:"
    ),
    '{use: parallel, files: "data/{lang}.tsv", query: question, passage: answer, id: id}',
    '{use: beir, path: "data/{lang}", split: train}',
    '{use: squad, path: "data/{lang}.json", articles: 0-99}',
)
