"""The JSON schema of a spec, for editors: what keys there are, with the installed plugins' options.

It is as strict as a schema can be about keys, types and bounds; what needs the whole file (which
methods a claim names, which pools the data offers) only `hbench validate` checks.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from docstring_parser import parse

from hbench import options, registry
from hbench.described import Description, describe
from hbench.registry import Kind
from hbench.settings import MACRO
from hbench.spec import Benchmark, Evaluation, Setting, Spec, Training, Validation
from hbench.uses import UNTRAINED, PluginUse, SourceUse, TransformUse, WeightedUse

Schema = dict[str, Any]
USED: tuple[Kind, ...] = ("encoder", "sampler", "objective", "dataset", "metric", "transform")
UNICODE = r"\P{C}"
MODELS = (Spec, Benchmark, Training, Validation, Evaluation, Setting)


def spec_schema() -> tuple[Schema, Sequence[str]]:
    """The schema, and in lines which installed plugins it lacks, and why."""
    schema = Spec.model_json_schema()
    found = {kind: [describe(entry) for entry in _entries(kind)] for kind in USED}
    usable = {
        kind: [each for each in described if not (each.broken or each.rivals)]
        for kind, described in found.items()
    }
    _simplify(schema)
    models = {model.__name__: schema["$defs"].get(model.__name__, schema) for model in MODELS}
    for model in MODELS:
        _describe_keys(models[model.__name__], model)
    plugins = _name_plugins(models, usable)
    schema["$defs"] = {
        name: each for name, each in schema["$defs"].items() if not name.endswith("Use")
    } | plugins
    schema |= {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "hbench"}
    left_out = [
        f"left out: {each.kind} {each.name!r} of {each.distribution}: "
        + (each.broken or f"also claimed by {', '.join(each.rivals)}; uninstall all but one")
        for described in found.values()
        for each in described
        if each.broken or each.rivals
    ]
    return schema, left_out


def _entries(kind: Kind) -> Sequence[registry.Entry]:
    return [entry for offered in registry.entries(kind).values() for entry in offered]


def _describe_keys(schema: Schema, model: Any) -> None:  # noqa: ANN401 - a pydantic model
    """Put what a model's docstring says of its fields beside the keys."""
    told = parse(model.__doc__ or "")
    schema["description"] = told.short_description
    for each in told.params:
        text = " ".join((each.description or "").split())
        schema["properties"][each.arg_name]["description"] = text


def _name_plugins(
    models: Mapping[str, Schema], usable: Mapping[Kind, Sequence[Description]]
) -> dict[str, Schema]:
    """Refer to the plugins of the right kind wherever the spec names one; returns what is meant."""
    definitions: dict[str, Schema] = {}

    def use(name: str, kind: Kind, model: Any = PluginUse, *, none: bool = False) -> Schema:  # noqa: ANN401
        """One plugin of a kind, with the spec's own keys of ``model`` beside its options."""
        fields = {key: field for key, field in model.model_fields.items() if key != "use"}
        own = {
            key: use("dataset", "dataset") if key == "data" else _of_field(field)
            for key, field in fields.items()
        }
        unused = [_branch(UNTRAINED, f"no {kind}", {}, [])] if none else []
        definitions[name] = {"anyOf": [*unused, *(_plugin(each, own) for each in usable[kind])]}
        return {"$ref": f"#/$defs/{name}"}

    def named(values: Schema) -> Schema:
        return {"type": "object", "additionalProperties": values}

    several = use("weighted-objective", "objective", WeightedUse)
    objectives = [use("objective", "objective"), {"type": "array", "items": several, "minItems": 1}]
    dataset = use("dataset", "dataset")
    metric = [*_short(usable["metric"]), use("metric", "metric")]
    pool = {"$ref": "#/$defs/Setting"}
    models["Setting"]["required"] = ["name", "pool"]
    _replace(
        models["Benchmark"],
        encoders=named(use("encoder", "encoder")),
        samplers=named(use("sampler", "sampler", none=True)),
        objectives=named({"anyOf": objectives}),
        transforms=named(use("transform", "transform", TransformUse, none=True)),
    )
    _replace(models["Training"], data=named(use("source", "dataset", SourceUse)))
    _replace(models["Validation"], data=dataset)
    _replace(models["Evaluation"], data=dataset)
    models["Evaluation"]["properties"]["metrics"]["items"] = {"anyOf": metric}
    settings = {"anyOf": [{"enum": sorted(MACRO)}, pool]}
    models["Evaluation"]["properties"]["settings"]["items"] = settings
    return definitions


def _replace(model: Schema, **keys: Schema) -> None:
    """Give keys another schema, and keep what is said of them."""
    for name, schema in keys.items():
        told = model["properties"][name].get("description", "")
        model["properties"][name] = {**schema, "description": told}


def _short(metrics: Sequence[Description]) -> Sequence[Schema]:
    """Metrics as words: ``map``, ``ndcg@10``."""
    required = {m.name: {o.name for o in m.options if o.required} for m in metrics}
    has_cutoff = [m.name for m in metrics if any(option.name == "k" for option in m.options)]
    plain = [name for name, needed in required.items() if not needed]
    cut = [name for name in has_cutoff if required[name] <= {"k"}]
    pattern = f"^({'|'.join(cut)})@[1-9][0-9]*$"
    words: Schema = {"type": "string", "pattern": pattern, "examples": [f"{n}@10" for n in cut]}
    return [{"enum": plain}, *([words] if cut else [])]


def _plugin(plugin: Description, extra: Mapping[str, Schema]) -> Schema:
    """A plugin by name, with its options and the spec's own keys beside them."""
    factory = registry.load(registry.find(plugin.kind, plugin.name))  # type: ignore[arg-type]
    told = {option.name: option for option in plugin.options}
    keys: dict[str, Schema] = {}
    for each in options.parameters(factory):
        option = told[each.name]
        keys[each.name] = {**_of_type(each.type), "description": option.help}
        if not option.required:
            keys[each.name]["default"] = option.default
    origin = f"{plugin.distribution} {plugin.distribution_version}"
    required = [option.name for option in plugin.options if option.required]
    return _branch(plugin.name, f"{plugin.help} ({origin})", {**keys, **extra}, required)


def _branch(
    name: str, description: str, keys: Mapping[str, Schema], required: Sequence[str]
) -> Schema:
    return {
        "type": "object",
        "title": name,
        "description": description,
        "properties": {"use": {"const": name, "description": description}, **keys},
        "required": ["use", *required],
        "additionalProperties": False,
    }


def _of_type(kind: Any) -> Schema:  # noqa: ANN401 - types have no common type
    """The schema of a type's values; most options are of a few types."""
    try:
        hash(kind)
    except TypeError:  # annotated with a list, say
        return _made(kind)
    return _known(kind)


def _made(kind: Any) -> Schema:  # noqa: ANN401 - types have no common type
    from pydantic import PydanticUserError, TypeAdapter

    try:
        schema = TypeAdapter(kind).json_schema()
    except PydanticUserError:
        return {}  # a schema cannot say it: an editor takes any value
    # What a type refers to stands inside it, and references are read from the nearest $id.
    return {"$id": f"urn:hbench:{kind!r}", **schema} if "$defs" in schema else schema


_known = cache(_made)


def _of_field(field: Any) -> Schema:  # noqa: ANN401 - pydantic's FieldInfo
    """One of the spec's own keys."""
    return {**_of_type(field.rebuild_annotation()), "default": field.default}


def _without_null(node: Schema) -> None:
    """A part of the spec is there or not: with ``null`` beside it, no mistake in it has a place."""
    (part,) = [each for each in node["anyOf"] if each != {"type": "null"}]
    if "$ref" in part:
        del node["anyOf"], node["default"]
        node |= part


def _simplify(schema: Schema) -> None:
    """Leave out of the spec's own models what editors cannot read, and titles of keys.

    Unicode classes in patterns are read by few. Plugins come later: their options may have any
    name.
    """

    def visit(node: Any) -> None:  # noqa: ANN401 - JSON
        if isinstance(node, list):
            for each in node:
                visit(each)
        elif isinstance(node, dict):
            if len(node.get("anyOf", [])) == 2 and {"type": "null"} in node["anyOf"]:
                _without_null(node)
            if UNICODE in str(node.get("pattern", "")):
                del node["pattern"]
            if UNICODE in "".join(node.get("patternProperties", {})):
                (node["additionalProperties"],) = node.pop("patternProperties").values()
            for each in node.values():
                visit(each)
            for key in node.get("properties", {}).values():
                key.pop("title", None)

    visit(schema)
