"""MLQA-R: questions and candidate answer sentences in 7 languages, parallel in part."""

from dataclasses import dataclass
from typing import ClassVar

from hbench_plugins.datasets.lareqa import LAReQA, Release


@dataclass(frozen=True, kw_only=True)
class MLQAR(LAReQA):
    """LAReQA's MLQA-R: 1,148 questions, each in 2 to 4 of 7 languages, 20,534 candidate sentences.

    Licence CC BY-NC 4.0: not for commercial use. Made from MLQA's development set; source: arXiv
    2004.05484.

    An item is a question in the languages that it exists in: English always, and 1 to 3 others. So
    a query has a relevant passage in some languages alone, and is left out of a pool without one.
    Articles are numbered anew in each language's file; a cluster is the English article, of which
    there are 520, and each article of another language corresponds to exactly one of them.

    Args:
        path: the folder of ``ar.json`` to ``zh.json``; not given: they are taken from
            ``$HBENCH_DATA/mlqa-r``, or downloaded.
        context: candidates are sentence + paragraph, as LAReQA encodes them, or sentences alone.
    """

    version: ClassVar[int] = 1
    release: ClassVar[Release] = Release(
        name="mlqa-r",
        commit="354d67d1cd066854cdfbf5ad0e6105528976141d",
        licence="CC BY-NC 4.0: not for commercial use",
        files={
            "ar": (3329081, "2132fbc03208535c0fe01f2e2c5121d06f9c2aa799af93b0a719dbc105bdf137"),
            "de": (887185, "ce9454dc5aa6f2d85c23cd6e49cb367fbb7c4c6e62d7f71e355c6b5dae4d0886"),
            "en": (2251129, "fedd9a5cc0848dda80caf84aa36f482adaae230526a3f6e9e86926a93ef3b1e4"),
            "es": (819818, "70ecba276b8c96a692b120693a595d076ce94ad21d4b28311538a9fcbfe0f9d7"),
            "hi": (3179023, "4dd0fb3c06f737a5481d705bc1dcac7876712a5815c9265908fbb3a0696cb654"),
            "vi": (1807239, "9d3baff6ba03e6793b25594217265ea59a136b9733833dca8a9582a84a78ff85"),
            "zh": (1360698, "57f01d2fff50cf3392805635b01445339f225ad5bf28ba8443b12f8dbd1e69dc"),
        },
        counts={
            "ar": (517, 2545), "de": (512, 2362), "en": (1148, 6264), "es": (500, 1787),
            "hi": (507, 2426), "vi": (511, 2828), "zh": (504, 2322),
        },
    )  # fmt: skip
