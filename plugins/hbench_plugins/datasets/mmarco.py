"""mMARCO: MS MARCO's questions and passages, translated by machine into 13 languages."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from hbench_plugins.datasets.irds import IRDatasets, chosen
from hbench_plugins.datasets.irds import ir_datasets as of_ir_datasets

ENGLISH = "en"
LANGUAGES = ("ar", "de", ENGLISH, "es", "fr", "hi", "id", "it", "ja", "nl", "pt", "ru", "vi", "zh")
# Of each split, in every language: queries that are judged, judgements; all of them positive.
# Sources: arXiv 2108.13897, the metadata of ir_datasets 0.6.3.
COUNTS: Mapping[str, tuple[int, int]] = {
    "train": (502_939, 532_761),
    "dev": (55_578, 59_273),
    "dev/small": (6_980, 7_437),
}
PASSAGES = 8_841_823  # in every language


def mmarco(
    split: Literal["train", "dev", "dev/small"] = "dev/small",
    languages: tuple[str, ...] | None = None,
) -> IRDatasets:
    """MS MARCO in 14 languages: the English original, and mMARCO v2's translations (2108.13897).

    Parallel: an item is a question in all languages, with one and the same passages relevant. Of
    the questions of ``train`` 502,939 have a judgement, of ``dev`` 55,578; the others are left out.
    Each language has 8,841,823 passages, a file of 3 to 8 GB (English is packed: 1 GB). Use is
    bound to MS MARCO's terms: research that is not commercial.

    Args:
        split: ``dev/small`` is the one that is usually reported.
        languages: some of ar de en es fr hi id it ja nl pt ru vi zh; not given: all.
    """
    tags = chosen(languages, LANGUAGES)
    dataset = of_ir_datasets(
        f"mmarco/v2/{{lang}}/{split}",
        tuple(tag for tag in tags if tag != ENGLISH),
        also={ENGLISH: f"msmarco-passage/{split}"} if ENGLISH in tags else None,
        parallel=True,
    )
    queries, judgements = COUNTS[split]
    known = {"queries": queries, "passages": PASSAGES, "relevant": judgements}
    licence = "MS MARCO's terms: research that is not commercial"
    return replace(dataset, licence=licence, known=dict.fromkeys(tags, known))
