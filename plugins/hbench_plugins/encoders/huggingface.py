"""Pretrained encoders: a local folder, or a hub id with the revision that pins it."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le

from hbench.errors import DataError, OptionError, shortened
from hbench.manifests import file_record
from hbench_plugins.encoders.layout import Head, Pooling, read_head
from hbench_plugins.encoders.transformer import Text, Transformer, quiet_transformers
from hbench_plugins.encoders.trusted import check_code, check_config, check_weights

if TYPE_CHECKING:
    import torch

FILES = ["*.json", "*.safetensors", "*.model", "*.txt", "*.py"]
UNUSED = ["onnx/*", "openvino/*"]
DType = Literal["float32", "bfloat16", "float16"]
Length = Annotated[int, Ge(2)]
Share = Annotated[float, Ge(0), Le(0.9)]


@dataclass(frozen=True)
class HuggingFace:
    """XLM-R, LaBSE, or any encoder that transformers' ``AutoModel`` loads from safetensors.

    What the folder's sentence-transformers files say of pooling and dense layer is followed (LaBSE
    needs both); ``pooling`` overrides it. The prompts that they may name are not: what is put
    before a text is said by ``query_prefix`` and ``passage_prefix`` alone.

    Args:
        model: a folder, or a hub id such as ``FacebookAI/xlm-roberta-base``.
        revision: the commit of the hub id (40 hex digits; a branch would move).
        pooling: ``mean`` or ``cls``; not given: as the folder says, and ``mean`` where it does not.
        query_prefix: put before every query, such as ``"Query: "``.
        passage_prefix: put before every passage.
        max_query_length: tokens of a query, special ones included; longer ones are cut.
        max_passage_length: tokens of a passage, likewise.
        normalize: whether the saved model ends in a normalisation; ranking always normalises.
        dtype: of the weights, in training and encoding.
        dropout: share of activations dropped in training; not given: the checkpoint's own. With 0,
            attention on a GPU runs faster, since torch's kernel for packed texts has no dropout.
        gradient_checkpointing: compute each layer anew when its gradients are due: less memory, and
            a third more time.
        trust_remote_code: run the Python code that the model's folder brings along, with your
            rights. A revision pins a hub id's code; a folder's is part of the system's key.
    """

    model: str | Path  # a Path, so that a folder's place is not taken for its content
    revision: str | None = None
    pooling: Pooling | None = None
    query_prefix: str = ""
    passage_prefix: str = ""
    max_query_length: Length = 96
    max_passage_length: Length = 256
    normalize: bool = True
    dtype: DType = "float32"
    dropout: Share | None = None
    gradient_checkpointing: bool = False
    trust_remote_code: bool = False
    version: ClassVar[int] = 1
    from_scratch: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if isinstance(self.model, Path) and not self._is_folder:
            raise OptionError(
                f"{str(self.model)!r} is no folder here; give one that holds the model", ("model",)
            )
        if self._is_folder and self.revision is not None:
            raise OptionError(
                f"{str(self.model)!r} is a folder here, and 'revision' is for hub ids; remove it",
                ("revision",),
            )
        if not self._is_folder and not re.fullmatch(r"[0-9a-f]{40}", self.revision or ""):
            raise OptionError(
                f"{str(self.model)!r} is no folder here, so it is taken for a hub id, which needs "
                "'revision': a commit of the model's repository, 40 hex digits; mend either",
                ("model",),
            )

    def fingerprint(self) -> str:
        """The hub id and revision, or a sum over the folder's files."""
        if not self._is_folder:
            return f"{self.model}@{self.revision}"
        folder = Path(self.model)
        if not (folder / "config.json").is_file():
            raise DataError(f"{folder}: holds no config.json, so it is no model folder")
        sums = [
            f"{path.relative_to(folder)} {file_record(path)['sha256']}"
            for path in sorted({path for pattern in FILES for path in folder.rglob(pattern)})
        ]
        return "sha256:" + hashlib.sha256("\n".join(sums).encode()).hexdigest()

    def create(self, texts: Iterable[str], *, seed: int) -> Transformer:
        """The pretrained model; texts and seed are not used."""
        return self.load(Path(self.model) if self._is_folder else self._download())

    def load(self, folder: Path) -> Transformer:
        """The model of a folder in transformers' or sentence-transformers' layout."""
        import torch

        head = read_head(folder)
        dtype: torch.dtype = getattr(torch, self.dtype)
        body, tokenizer = self._load_body(folder, dtype)
        model = Transformer(
            body,
            tokenizer,
            {
                "query": Text(self.query_prefix, self.max_query_length),
                "passage": Text(self.passage_prefix, self.max_passage_length),
            },
            pooling=self.pooling or head.pooling or "mean",
            dense=_dense(head, dtype, body.config.hidden_size),
            activation=head.activation,
            normalize=self.normalize,
        )
        if self.dropout is not None:
            model.drop(self.dropout)
        if self.gradient_checkpointing:
            model.checkpoint_layers()
        for side, rule in model.sides.items():
            if rule.max_length > model.longest:
                raise DataError(
                    f"{folder}: has positions for {model.longest} tokens, and max_{side}_length is "
                    f"{rule.max_length}; lower it"
                )
        return model

    def body_config(self, folder: Path) -> Any:  # noqa: ANN401 - transformers' classes are many
        """The transformer's configuration, where it is not what ``config.json`` says."""
        return None

    def _load_body(self, folder: Path, dtype: "torch.dtype") -> tuple[Any, Any]:
        """The transformer without a pooler, whose output is not used, and its tokenizer."""
        from transformers import AutoModel, AutoTokenizer

        check_weights(folder)
        if self.trust_remote_code:
            check_code(folder)
        shared = {"trust_remote_code": self.trust_remote_code, "local_files_only": True}
        config = self.body_config(folder)
        try:
            with quiet_transformers():
                config = config or _config_of(folder, shared)
                check_config(folder, config)
                config._attn_implementation = None  # which may name compiled code of the hub
                body, report = AutoModel.from_pretrained(
                    folder,
                    config=config,
                    dtype=dtype,
                    use_safetensors=True,
                    output_loading_info=True,
                    **shared,
                )
                tokenizer = AutoTokenizer.from_pretrained(folder, config=config, **shared)
        except DataError:
            raise
        except Exception as error:  # transformers raises whatever a file makes it raise
            raise _unloadable(folder, error) from error
        lacking = sorted(name for name in report["missing_keys"] if not name.startswith("pooler."))
        if lacking:
            raise DataError(
                f"{folder}: its weights lack {len(lacking)} of the model's tensors, the first is "
                f"{lacking[0]!r}; it is a checkpoint of another architecture"
            )
        if getattr(body, "pooler", None) is not None:
            body.pooler = None
        return body, tokenizer

    @property
    def _is_folder(self) -> bool:
        return Path(self.model).is_dir()

    def _download(self) -> Path:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError

        # All that the library's HTTP client raises; which one that is depends on its version.
        client_error: type[Exception] = HfHubHTTPError.__bases__[0]
        try:
            path = snapshot_download(
                str(self.model),
                revision=self.revision,
                allow_patterns=FILES,
                ignore_patterns=UNUSED,
            )
        except (client_error, HFValidationError, OSError) as error:
            raise DataError(
                f"model {str(self.model)!r} at revision {self.revision!r} is neither in the hub's "
                f"cache (HF_HOME) nor to be downloaded: {_reason(error, str(self.model))}"
            ) from error
        return Path(path)


def _reason(error: Exception, model: str) -> str:
    """Why the hub's library could not bring a model, and what helps."""
    from huggingface_hub import constants, errors

    page = f"{constants.ENDPOINT}/{model}"
    if isinstance(error, errors.GatedRepoError):
        return f"its owner gives access on request; ask at {page}, then run `hf auth login`"
    if isinstance(error, errors.RepositoryNotFoundError):
        return "the hub has no such model, or a private one; check the id, or run `hf auth login`"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"the model has no such revision; take a commit from {page}/commits/main"
    if constants.HF_HUB_OFFLINE:
        return "--offline or HF_HUB_OFFLINE forbids it; allow it once, or give a folder"
    cause = _on_one_line(error.__cause__ or error)
    if isinstance(error, OSError) and error.errno:  # of the disk, not of the net
        return f"{cause}; make room, or name a folder that can be written with HF_HOME"
    return f"{cause}; check the id, go online, or give a folder"


def _config_of(folder: Path, how: dict[str, bool]) -> Any:  # noqa: ANN401 - its classes are many
    """What a folder's ``config.json`` says."""
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(folder, **how)


def _unloadable(folder: Path, error: Exception) -> DataError:
    """Why transformers could not load a folder, and what helps."""
    cause = _on_one_line(error)
    if isinstance(error, ImportError):  # transformers says what to install
        return DataError(f"{folder}: needs a package that is not installed: {cause}")
    if isinstance(error, ValueError) and "trust_remote_code" in cause:
        return DataError(
            f"{folder}: needs Python code that it brings along, and that is not run; read it, and "
            "if you trust it, set 'trust_remote_code: true' for this encoder, or give a model that "
            "transformers knows"
        )
    kind = "" if isinstance(error, (OSError, ValueError)) else f"{type(error).__name__}: "
    return DataError(
        f"{folder}: cannot be loaded by transformers: {kind}{cause}; give a folder that its "
        "AutoModel and AutoTokenizer load"
    )


def _on_one_line(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _dense(head: Head, dtype: "torch.dtype", width: int) -> "torch.nn.Linear | None":
    """The dense layer that a folder holds."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if head.dense is None:
        return None
    path = head.dense / "model.safetensors"
    try:
        weights = load_file(path)
    except (OSError, ValueError, SafetensorError) as error:
        raise DataError(
            f"{path}: holds no dense layer that can be read ({error}); weights that are there as "
            "pytorch_model.bin only are pickled: load the folder in sentence-transformers and "
            "save it anew, which writes safetensors"
        ) from error
    try:
        size_out, size_in = weights["linear.weight"].shape
        layer = torch.nn.Linear(size_in, size_out, dtype=dtype)
        layer.load_state_dict({name.removeprefix("linear."): w for name, w in weights.items()})
    except (KeyError, ValueError, RuntimeError) as error:
        found = ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in weights.items())
        raise DataError(
            f"{path}: must hold linear.weight (out, in) and linear.bias (out,), and holds "
            f"{shortened(found)}; take the folder from its origin anew"
        ) from error
    if size_in != width:
        raise DataError(
            f"{path}: takes vectors of {size_in} numbers, and the model's have {width}; take the "
            "folder from its origin anew"
        )
    return layer
