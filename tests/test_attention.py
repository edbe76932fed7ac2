"""A text among others in one row gets the vectors that it gets alone, or is not packed at all."""

import json
from typing import Any

import pytest
import torch
import transformers as hf
from tests.training.toy_training import toy_model

from hbench import attention
from hbench.attention import NAME, Row, first_position, kernel_notes, packed_attention, packing
from hbench.packing import pack
from hbench_plugins.encoders.layout import Pooling
from hbench_plugins.encoders.transformer import Transformer

SIZE: dict[str, Any] = {"vocab_size": 100, "hidden_size": 32, "num_hidden_layers": 2,
                        "num_attention_heads": 2, "intermediate_size": 48}  # fmt: skip
GROUPED: dict[str, Any] = {**SIZE, "num_key_value_heads": 1, "head_dim": 16}
T5: dict[str, Any] = {"vocab_size": 100, "d_model": 32, "d_kv": 16, "d_ff": 48, "num_layers": 2,
                      "num_heads": 2}  # fmt: skip
DISTIL: dict[str, Any] = {"vocab_size": 100, "dim": 32, "n_layers": 2, "n_heads": 2,
                          "hidden_dim": 48}  # fmt: skip
SPECIAL: dict[str, Any] = {f"{name}_token_id": 0 for name in ("pad", "bos", "eos", "cls", "sep")}
DEBERTA: dict[str, Any] = {**SIZE, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]}
TEXTS = [[5, 6], [7, 8, 9, 5], [9, 6, 7, 5], [11, 12, 13, 14, 15, 16, 17]]


def body_of(kind: str, **options: Any) -> Any:
    """A small model with random weights that are large enough to tell tokens apart."""
    body: Any
    options = {"initializer_range": 0.2, **options}
    torch.manual_seed(1)
    match kind:
        case "XLM-R":
            options = {**SIZE, "pad_token_id": 1, **options}
            body = hf.XLMRobertaModel(hf.XLMRobertaConfig(**options), add_pooling_layer=False)
        case "BERT":
            body = hf.BertModel(hf.BertConfig(**SIZE, **options), add_pooling_layer=False)
        case "DistilBERT":
            body = hf.DistilBertModel(hf.DistilBertConfig(**DISTIL, **options))
        case "Qwen3":
            body = hf.Qwen3Model(hf.Qwen3Config(**GROUPED, **options))
        case "Mistral with a window":
            body = hf.MistralModel(hf.MistralConfig(**GROUPED, sliding_window=4, **options))
        case "ModernBERT":
            options = {**SIZE, **SPECIAL, "local_attention": 4, **options}
            body = hf.ModernBertModel(hf.ModernBertConfig(**options))
        case "MPNet":
            body = hf.MPNetModel(hf.MPNetConfig(**SIZE, **options), add_pooling_layer=False)
        case "DeBERTa":
            body = hf.DebertaV2Model(hf.DebertaV2Config(**DEBERTA, **options))
        case "T5":
            options.pop("initializer_range")
            body = hf.T5EncoderModel(hf.T5Config(**T5, **options))
    return body.eval()


def alone(body, texts):
    """Every token's vector, one text at a time."""
    outputs = [body(input_ids=torch.tensor([text])).last_hidden_state[0] for text in texts]
    return torch.cat(outputs)


def together(body, texts, first):
    """The same from one row."""
    row = Row(pack(texts), body.device)
    with packing(body):
        output = body(input_ids=row.ids, position_ids=row.positions(first), hbench_row=row)
    return output.last_hidden_state[0]


@pytest.mark.parametrize(
    ("kind", "first"),
    [
        ("XLM-R", 2),
        ("BERT", 0),
        ("DistilBERT", 0),
        ("Qwen3", 0),
        ("Mistral with a window", None),
        ("ModernBERT", None),
        ("MPNet", None),
        ("DeBERTa", None),
        ("T5", None),
    ],
)
def test_the_trial_finds_out_who_can_be_packed_and_from_which_position(kind, first):
    body = body_of(kind)
    before = body.config._attn_implementation
    assert first_position(body) == first
    assert body.config._attn_implementation == before != NAME


@pytest.mark.parametrize(
    ("kind", "first"), [("XLM-R", 2), ("BERT", 0), ("DistilBERT", 0), ("Qwen3", 0)]
)
def test_a_packed_text_gets_the_vectors_of_the_text_alone(kind, first):
    body = body_of(kind)
    with torch.no_grad():
        torch.testing.assert_close(together(body, TEXTS, first), alone(body, TEXTS))


def test_so_do_its_gradients():
    found = []
    for how in (alone, lambda body, texts: together(body, texts, 0)):
        body = body_of("Qwen3")
        how(body, TEXTS)[3:9].square().sum().backward()
        found.append({name: p.grad for name, p in body.named_parameters()})
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient, rtol=1e-4, atol=1e-4, msg=name)


def test_a_row_may_hold_more_tokens_than_the_body_has_positions():
    body = body_of("XLM-R", max_position_embeddings=66)
    texts = [[5 + (n * i) % 90 for i in range(6)] for n in range(100)]
    with torch.no_grad():
        torch.testing.assert_close(together(body, texts, 2), alone(body, texts))


def test_texts_in_one_row_without_the_trials_attention_would_mix():
    body = body_of("BERT")
    ids = torch.tensor([[token for text in TEXTS for token in text]])
    with torch.no_grad():
        mixed = body(input_ids=ids).last_hidden_state[0]
        assert (mixed[:2] - alone(body, TEXTS)[:2]).abs().max() > 0.1


@pytest.mark.parametrize("mode", [True, False])
def test_the_trial_leaves_dropout_training_mode_and_random_numbers_alone(mode):
    body = body_of("BERT", hidden_dropout_prob=0.5, attention_probs_dropout_prob=0.5).train(mode)
    torch.manual_seed(3)
    assert first_position(body) == 0
    assert body.training is mode
    assert all(module.training is mode for module in body.modules())
    found = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(found, torch.rand(1))


def test_a_body_that_packs_already_is_tried_out_and_packs_afterwards():
    body = body_of("XLM-R")
    with packing(body):
        assert first_position(body) == 2
        assert body.config._attn_implementation == NAME


def test_an_error_inside_leaves_the_body_as_it_was():
    body = body_of("BERT")
    with pytest.raises(ValueError, match="texts would mix"), packing(body):
        body(input_ids=torch.tensor([[5, 6]]))
    assert body.config._attn_implementation != NAME


class Scaling(hf.BertModel):
    """Scales embeddings that it looks up itself, so that looking them up elsewhere is wrong."""

    def forward(self, input_ids=None, inputs_embeds=None, **others):
        if input_ids is not None:
            inputs_embeds = 3 * self.get_input_embeddings()(input_ids)
        return super().forward(inputs_embeds=inputs_embeds, **others)


def test_a_body_that_treats_ids_and_embeddings_differently_is_not_packed():
    assert first_position(Scaling(hf.BertConfig(**SIZE))) is None


def test_the_encoder_pads_what_cannot_be_packed_and_says_so():
    tokenizer, sides = toy_model().tokenizer, toy_model().sides
    texts = [[0, *text, 2] for text in TEXTS[::-1]]
    padded: list[tuple[str, Pooling]] = [("DeBERTa", "mean"), ("DeBERTa", "cls"), ("MPNet", "mean")]
    for kind, pooling in padded:
        model = Transformer(body_of(kind, pad_token_id=1), tokenizer, sides, pooling)
        vectors = model.embed(texts, budget=1000)
        hidden = [model.body(input_ids=torch.tensor([text])).last_hidden_state[0] for text in texts]
        wanted = [h.mean(dim=0) if pooling == "mean" else h[0] for h in hidden]
        torch.testing.assert_close(vectors, torch.stack(wanted))
        (note,) = model.notes
        assert "cannot be packed: texts are padded" in note
        assert type(model.body).__name__ in note


def test_a_packed_encoder_on_the_cpu_has_nothing_to_note():
    model = toy_model()
    assert model.notes == []
    assert model.body.config._attn_implementation == NAME
    assert kernel_notes(model.body) == []


def test_a_saved_model_does_not_know_that_it_was_packed(tmp_path):
    model = toy_model()
    model.embed(TEXTS, budget=100)
    model.save(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "xlm-roberta"
    for path in tmp_path.rglob("*.json"):
        assert "hbench" not in path.read_text(), path.name
    assert hf.AutoModel.from_pretrained(tmp_path).config._attn_implementation != NAME


# The attention function itself: 3 tokens, texts of 1 and 2 of them; 2 heads of size 4.


def attended(batch=1, mask=None, row=None, **others):
    torch.manual_seed(2)
    query, key, value = torch.randn(3, batch, 2, 3, 4)
    given = Row(pack([[5], [6, 7]]), torch.device("cpu")) if row is None else row or None
    layer = torch.nn.Module()
    return packed_attention(layer, query, key, value, mask, hbench_row=given, **others)[0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"row": False}, "needs one packed row and no mask"),
        ({"mask": torch.ones(1, 1, 3, 3)}, "needs one packed row and no mask"),
        ({"batch": 2}, "needs one packed row and no mask"),
        ({"sliding_window": 4}, "does not know sliding_window"),
        ({"softcap": 50.0, "s_aux": 1.0}, "does not know s_aux, softcap"),
    ],
)
def test_what_would_mix_texts_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        attended(**wrong)


@pytest.mark.parametrize("causal", [False, True])
def test_each_token_weighs_the_tokens_of_its_own_text(causal):
    output = attended(is_causal=causal, scaling=0.8, sliding_window=None, use_cache=False)
    torch.manual_seed(2)
    query, key, value = torch.randn(3, 1, 2, 3, 4)
    allowed = torch.tensor([[1, 0, 0], [0, 1, 0 if causal else 1], [0, 1, 1]]).bool()
    scores = (query @ key.transpose(2, 3) * 0.8).masked_fill(~allowed, -torch.inf)
    wanted = (scores.softmax(dim=-1) @ value).transpose(1, 2)
    assert output.shape == (1, 3, 2, 4)
    torch.testing.assert_close(output, wanted)


def test_the_layer_says_whether_it_is_causal_unless_told():
    class Causal(torch.nn.Module):
        is_causal = True

    query = torch.randn(1, 2, 3, 4)
    row = Row(pack([[5], [6, 7]]), torch.device("cpu"))
    asked = packed_attention(Causal(), query, query, query, None, hbench_row=row)[0]
    told = [packed_attention(torch.nn.Module(), query, query, query, None, hbench_row=row,
                             is_causal=causal)[0] for causal in (True, False)]  # fmt: skip
    assert torch.equal(asked, told[0])
    assert not torch.equal(asked, told[1])


def test_dropout_is_not_left_out_where_the_kernel_has_none():
    kernel = attention._torch_kernel()
    if kernel is None:
        pytest.skip("this torch has no kernel for packed texts")
    row = Row(pack(TEXTS), torch.device("cpu"))
    query = torch.ones(1, 2, 17, 4)
    output = kernel(query, query, query, row, dropout=0.5, scale=None, causal=False)
    assert (output - 1).abs().max() > 0.1  # without dropout it is the mean of ones


@pytest.mark.gpu
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("heads", [4, 2])
def test_the_kernel_is_the_runs_to_the_rounding_of_half_precision(causal, heads):
    kernel = attention._kernel()
    assert kernel is not None, "no kernel for packed texts"
    lengths = [1, 3, 3, 17, 64, 64, 200]
    row = Row(pack([[5] * length for length in lengths]), torch.device("cuda"))
    torch.manual_seed(4)
    shapes = [(1, count, sum(lengths), 64) for count in (4, heads, heads)]
    values = [torch.randn(shape, device="cuda") for shape in shapes]
    weights = torch.randn(sum(lengths), 4, 64, device="cuda")
    how: Any = {"dropout": 0.0, "scale": 0.2, "causal": causal}
    found: list[Any] = []
    for dtype in (torch.bfloat16, torch.float32):
        inputs: Any = [value.bfloat16().to(dtype).requires_grad_() for value in values]
        if dtype == torch.bfloat16:
            output = kernel(*inputs, row, **how)
        else:
            query, key, value = inputs
            output = attention._by_runs(query, key, value, row.packed, **how)
        (output.float() * weights).sum().backward()
        found.append([output, *(each.grad for each in inputs)])
    for half, single in zip(*found, strict=True):
        error = (half.float() - single).norm() / single.norm()
        assert error < 2e-2
