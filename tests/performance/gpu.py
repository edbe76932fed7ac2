"""Tokens per second on a CUDA GPU, of training and encoding at XLM-R base's size; needs no data.

``python -m tests.performance.gpu``; see the README beside this file for what is compared.
"""

import gc
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from tests.performance import peers, trainings
from tests.performance.peers import Shape
from tests.performance.trainings import Course, Run

from hbench import attention
from hbench.errors import MemoryShortage
from hbench.memory import Budget, is_out_of_memory
from hbench.records import Items
from hbench.stages.encode import Arithmetic, encode
from hbench.tokens import tokenize
from hbench.training.speed import Speedometer
from hbench.training_texts import TrainingTexts
from hbench_plugins.encoders.scratch import END, MASK, PAD, START, UNKNOWN
from hbench_plugins.encoders.transformer import Text, Transformer
from hbench_plugins.samplers.mono import Mono

BASE = Shape(768, 12, 12, 250_002)
LARGE = 4096  # pairs
MINI_BATCH = 128  # texts at once, of sentence-transformers' gradient caching
ENCODED = 20_000  # texts
BATCHES = (64, 256, 1024)  # of sentence-transformers' encode


def synthetic_texts(rows: int, seed: int = peers.SEED) -> TrainingTexts:
    """Words without a meaning, in XQuAD-R's lengths: 23 tokens a query and 54 a passage on average.

    Two items share no text: each begins with a word of its own.
    """
    rng = np.random.default_rng(seed)
    words = min(peers.VOCABULARY, rows - peers.SPECIAL)

    def texts(mean: float, count: int, first: int) -> list[str]:
        lengths = np.clip(rng.gamma(4.0, mean / 4, count).round() - 2, 1, peers.LONGEST - 2)
        numbers = [rng.integers(words, size=int(n)) for n in lengths]
        return [f"w{first + i} " + " ".join(f"w{n}" for n in each[1:])
                for i, each in enumerate(numbers)]  # fmt: skip

    count = min(20_000, rows // 4)
    numbers = np.arange(count, dtype=np.int32)[:, None]
    items = Items(("en",), numbers, numbers, np.zeros(count, np.int32), np.ones(1))
    return TrainingTexts(items, texts(23, count, 0), texts(54, count, count))


def write_model(folder: Path, shape: Shape) -> None:
    """Random weights, and a tokenizer that knows the synthetic words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

    special = [START, PAD, END, UNKNOWN, MASK]
    words = [*special, *(f"w{n}" for n in range((shape.rows or 0) - len(special)))]
    tokenizer = Tokenizer(models.WordLevel({w: n for n, w in enumerate(words)}, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, 0), (END, 2)]
    )
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=START, cls_token=START, pad_token=PAD,
        eos_token=END, sep_token=END, unk_token=UNKNOWN, mask_token=MASK,
    )  # fmt: skip
    config = XLMRobertaConfig(
        vocab_size=len(words),
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=4 * shape.hidden,
        max_position_embeddings=peers.LONGEST + 2,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        type_vocab_size=1,
    )
    torch.manual_seed(peers.SEED)
    text = Text("", peers.LONGEST)
    body = XLMRobertaModel(config, add_pooling_layer=False)
    Transformer(body, wrapped, {"query": text, "passage": text}, "mean").save(folder)


def kernel_name() -> str:
    """Which attention hbench uses in half precision here."""
    kernel = attention._kernel()
    names = {"flash": "flash-attn's varlen kernel", "varlen": "torch's varlen_attn"}
    return "one call for each text length" if kernel is None else names[kernel.__name__]


def flash_option() -> dict[str, object]:
    """sentence-transformers' way to unpad, where flash-attn is installed."""
    return {"attn_implementation": "flash_attention_2"} if find_spec("flash_attn") else {}


def training(folder: Path, texts: TrainingTexts, device: str, steps: int) -> list[list[str]]:
    """The table's lines on training."""
    model = peers.load_ours(folder)
    tokens = {"query": tokenize(model, texts.queries, "query"),
              "passage": tokenize(model, texts.passages, "passage")}  # fmt: skip
    mean = sum(float(found.lengths.mean()) for found in tokens.values())
    model.to(torch.device(device))
    meter = Speedometer(
        model, [tokens["passage"][n] for n in range(64)], "bfloat16",
        torch.device(device), 1,
    )  # fmt: skip
    del model
    rows: list[list[str]] = []
    for pairs in (100, LARGE):
        plan = Course(Mono(), peers.WARM_UP + steps, pairs, device, "bfloat16")
        start = partial(trainings.train_theirs, folder, texts, plan)
        variants: dict[str, Callable[[], Run]] = {
            "sentence-transformers": partial(start, **flash_option()),
            "hbench": partial(trainings.train_ours, folder, texts, plan, caching=False),
        }
        if pairs == LARGE:
            variants["sentence-transformers, cached"] = partial(
                start, mini_batch=MINI_BATCH, **flash_option()
            )
            variants["hbench, gradient_caching"] = partial(
                trainings.train_ours, folder, texts, plan, caching=True
            )
        for name, run in variants.items():
            rate = _rate(run, pairs * mean)
            share = rate * meter.per_token / meter.peak
            rows.append([f"training, {pairs} pairs", name, *_cells(rate, share)])
    return rows


def _rate(run: Callable[[], Run], tokens: float) -> float:
    """Tokens per second; 0 if memory does not do."""
    try:
        return tokens / median(run().seconds)
    except (RuntimeError, MemoryShortage) as error:
        if not (isinstance(error, MemoryShortage) or is_out_of_memory(error)):
            raise
    finally:
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return 0.0


def _cells(rate: float, share: float) -> list[str]:
    return [f"{rate:,.0f}", f"{share:.0%}"] if rate else ["out of memory", ""]


def encoding(folder: Path, texts: list[str], device: str) -> list[list[str]]:
    """The table's lines on encoding; both sides tokenise."""
    model = peers.load_ours(folder, "bfloat16")
    model.to(torch.device(device))
    model.train(False)
    total = len(tokenize(model, texts, "passage").ids)
    peer = peers.load_theirs(folder, device, dtype=torch.bfloat16, **flash_option())

    def ours(chosen: list[str]) -> Any:
        tokens = tokenize(model, chosen, "passage")
        arithmetic = Arithmetic(device, "bfloat16")
        return encode(model, tokens, Budget(None, device), arithmetic, lambda done: None)

    def theirs(chosen: list[str], size: int) -> Any:
        return peer.encode(chosen, batch_size=size, show_progress_bar=False)

    sides: dict[str, Callable[[list[str]], Any]] = {"hbench": ours}
    for size in BATCHES:
        sides[f"sentence-transformers, batches of {size}"] = partial(theirs, size=size)
    rows: list[list[str]] = []
    for name, work in sides.items():
        work(texts[:2000])
        started = time.perf_counter()
        work(texts)
        rate = total / (time.perf_counter() - started)
        rows.append(["encoding", name, f"{rate:,.0f}", ""])
    return rows


def report(device: str, shape: Shape = BASE, steps: int = 10, encoded: int = ENCODED) -> str:
    """The table."""
    rows = shape.rows or 0
    texts = synthetic_texts(rows)
    with tempfile.TemporaryDirectory() as name:
        write_model(Path(name), shape)
        lines = training(Path(name), texts, device, steps)
        lines += encoding(Path(name), texts.passages[:encoded], device)
    head = ["what", "side", "real tokens/s", "share of peak (a large bf16 matrix product)"]
    return peers.table(head, lines)


def main() -> None:
    """Print the table, if there is a GPU."""
    if not torch.cuda.is_available():
        sys.stdout.write("no CUDA device: nothing measured\n")
        return
    sys.stdout.write(f"{torch.cuda.get_device_name()}; {peers.machine()}\n")
    sys.stdout.write(f"hbench's attention: {kernel_name()}\n\n{report('cuda')}\n")


if __name__ == "__main__":
    main()
