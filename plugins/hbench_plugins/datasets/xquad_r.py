"""XQuAD-R: questions and candidate answer sentences, parallel in 11 languages."""

import re
from dataclasses import dataclass
from typing import ClassVar

from hbench.errors import OptionError
from hbench_plugins.datasets.lareqa import LAReQA, Release

ARTICLES = 48


@dataclass(frozen=True, kw_only=True)
class XQuADR(LAReQA):
    """LAReQA's XQuAD-R: 1,190 questions in 11 languages, 13,014 candidate sentences, 48 articles.

    An item is a question in all languages, a cluster is an article. Made from SQuAD v1.1's
    development set; licence CC BY-SA 4.0. Source: arXiv 2004.05484.

    Args:
        path: the folder of ``ar.json`` to ``zh.json``; not given: they are taken from
            ``$HBENCH_DATA/xquad-r``, or downloaded.
        articles: such as ``0-31``: only these, the same in all languages; not given: all 48.
        context: candidates are sentence + paragraph, as LAReQA encodes them, or sentences alone.
    """

    articles: str | None = None
    version: ClassVar[int] = 1
    release: ClassVar[Release] = Release(
        name="xquad-r",
        commit="9bc8c7fb6dd8d01d72a05a93c2cb96882b0d299c",
        licence="CC BY-SA 4.0",
        files={
            "ar": (2234875, "c52922d3b8ac1ae03ed5ac38647ad59870dca3dda2beefe18ecdc30729acb69d"),
            "de": (732156, "16fb0f4bf4916154b585a20c24c66074591c9718a1affe764ff4697572328949"),
            "el": (2810127, "163fd43ee785a30eb534ae2061e9eaa766a7ee4e8ffce5e4b422480c150f64b6"),
            "en": (628651, "7b0954f39297c27a31fef610f0883337dd2907fa8699151dc922afdd0fa12ffe"),
            "es": (746335, "f8e836b2d91009c4363e04315f7ede363eedbbb49c67dda60de6c4aa782f58de"),
            "hi": (2408404, "ea45ba8ae4513d1533b222bebdc02a90bc319c055d3aeea68584a053d2e92872"),
            "ru": (2764904, "7f4dff853538b9a5fcc28c070b8bb983a5c5d190ac747b8e005a1ada9cab18f1"),
            "th": (2618544, "c3a041864c3a9fb0b4dd91cfdf99cf36b411b3e704c58a303c97bc6dc786cfe4"),
            "tr": (827827, "f3e8c13002bbce154a4578f535f7533cb70f3da08840e6b62735935baec7bd94"),
            "vi": (1132303, "e35926bf5cc6fc6ecbdfca49467aabeb454f08d152d7818143a906bd31dde995"),
            "zh": (959291, "80c2cde7b9c2fb134c303cbb52f2ba396ead9eb0014aec43993543d2ba9e93ed"),
        },
        counts={
            "ar": (1190, 1222), "de": (1190, 1276), "el": (1190, 1234), "en": (1190, 1180),
            "es": (1190, 1215), "hi": (1190, 1244), "ru": (1190, 1219), "th": (1190, 852),
            "tr": (1190, 1167), "vi": (1190, 1209), "zh": (1190, 1196),
        },
    )  # fmt: skip

    def __post_init__(self) -> None:
        if self.articles is not None and self._chosen is None:
            raise OptionError(
                f"articles: give first-last within 0-{ARTICLES - 1}, such as 0-31; "
                f"found {self.articles!r}",
                ("articles",),
            )

    @property
    def _chosen(self) -> range | None:
        """The articles to read; None for all, or where the option makes no sense."""
        match = re.fullmatch(r"(\d{1,3})-(\d{1,3})", self.articles or "")
        if not match:
            return None
        first, last = map(int, match.groups())
        return range(first, last + 1) if first <= last < ARTICLES else None
