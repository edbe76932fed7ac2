"""An encoder of one's own size with random weights: runs where no pretrained weights can be had."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar

from annotated_types import Ge

from hbench.errors import OptionError
from hbench.records import Side
from hbench_plugins.encoders.huggingface import HuggingFace, Share
from hbench_plugins.encoders.layout import Pooling
from hbench_plugins.encoders.transformer import Text, Transformer

START, PAD, END, UNKNOWN, MASK = "<s>", "<pad>", "</s>", "<unk>", "<mask>"  # XLM-R's, ids 0 to 4


@dataclass(frozen=True)
class Scratch:
    """XLM-R's architecture at a chosen size, with a tokenizer trained on the training texts.

    Args:
        hidden: size of the vectors; a multiple of ``heads``.
        layers: transformer layers.
        heads: attention heads; not given: one for each 32 of ``hidden``.
        vocabulary: entries of the tokenizer, at most.
        dropout: share of activations dropped in training.
        pooling: ``mean`` over a text's tokens, or its first token (``cls``).
        query_prefix: put before every query.
        passage_prefix: put before every passage.
        max_query_length: tokens of a query, special ones included; longer ones are cut.
        max_passage_length: tokens of a passage, likewise.
        normalize: whether the saved model ends in a normalisation; ranking always normalises.
        gradient_checkpointing: compute each layer anew when its gradients are due: less memory, and
            a third more time.
    """

    hidden: Annotated[int, Ge(8)] = 128
    layers: Annotated[int, Ge(1)] = 4
    heads: Annotated[int, Ge(1)] | None = None
    vocabulary: Annotated[int, Ge(300)] = 8000
    dropout: Share = 0.0
    pooling: Pooling = "mean"
    query_prefix: str = ""
    passage_prefix: str = ""
    max_query_length: Annotated[int, Ge(2)] = 96
    max_passage_length: Annotated[int, Ge(2)] = 256
    normalize: bool = True
    gradient_checkpointing: bool = False
    version: ClassVar[int] = 1
    from_scratch: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.hidden % self._heads:
            raise OptionError(
                f"hidden ({self.hidden}) is no multiple of heads ({self._heads})", ("hidden",)
            )

    def fingerprint(self) -> str:
        """Nothing: the weights follow from the seed."""
        return ""

    def create(self, texts: Iterable[str], *, seed: int) -> Transformer:
        """Random weights from ``seed``; a byte-pair tokenizer from ``texts``."""
        import torch
        from transformers import XLMRobertaConfig, XLMRobertaModel

        tokenizer = _train_tokenizer(tuple(sorted(set(texts))), self.vocabulary)
        config = XLMRobertaConfig(
            vocab_size=len(tokenizer),
            hidden_size=self.hidden,
            num_hidden_layers=self.layers,
            num_attention_heads=self._heads,
            intermediate_size=4 * self.hidden,
            max_position_embeddings=max(self.max_query_length, self.max_passage_length) + 2,
            hidden_dropout_prob=self.dropout,
            attention_probs_dropout_prob=self.dropout,
            type_vocab_size=1,
            bos_token_id=0,
            pad_token_id=1,
            eos_token_id=2,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            body = XLMRobertaModel(config, add_pooling_layer=False)
        sides: dict[Side, Text] = {
            "query": Text(self.query_prefix, self.max_query_length),
            "passage": Text(self.passage_prefix, self.max_passage_length),
        }
        model = Transformer(body, tokenizer, sides, self.pooling, normalize=self.normalize)
        if self.gradient_checkpointing:
            model.checkpoint_layers()
        return model

    def load(self, folder: Path) -> Transformer:
        """A trained model, by the path of all pretrained ones."""
        return HuggingFace(
            model=str(folder),
            pooling=self.pooling,
            query_prefix=self.query_prefix,
            passage_prefix=self.passage_prefix,
            max_query_length=self.max_query_length,
            max_passage_length=self.max_passage_length,
            normalize=self.normalize,
        ).load(folder)

    @property
    def _heads(self) -> int:
        return self.heads or max(1, self.hidden // 32)


@lru_cache(maxsize=1)  # the systems of a matrix train on the same texts, one after the other
def _train_tokenizer(texts: tuple[str, ...], vocabulary: int) -> Any:  # noqa: ANN401
    """A byte-pair tokenizer with XLM-R's special tokens; the same texts give the same one.

    Byte pairs, not XLM-R's unigrams: their training gives other vocabularies from run to run.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        limit_alphabet=vocabulary // 2,
        special_tokens=[START, PAD, END, UNKNOWN, MASK],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, 0), (END, 2)]
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        bos_token=START,
        cls_token=START,
        pad_token=PAD,
        eos_token=END,
        sep_token=END,
        unk_token=UNKNOWN,
        mask_token=MASK,
    )
