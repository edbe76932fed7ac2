"""A benchmark that a CPU trains and evaluates in seconds; what a test is about, it changes."""

BABEL = "{use: babel, split: SPLIT}"
FILES = "{use: parallel, files: SPLIT.tsv}"


def toy_spec(
    *,
    data: str = BABEL,
    training: str = "steps: 1, batch_size: 2",
    encoders: str = "tiny: {use: scratch, hidden: 8, layers: 1, vocabulary: 300}",
    sampler: str = "mono",
    more: str = "",
    settings: str = "mono",
    metrics: str = "map",
) -> str:
    """The text of a spec file, each argument in YAML.

    Args:
        data: of the training and of the evaluation, where SPLIT is ``train`` and ``test``.
        training: the recipe.
        encoders: by name.
        sampler: its plugin.
        more: another line of the benchmark, as its seeds.
        settings: of the evaluation.
        metrics: of the evaluation.
    """
    train, test = (data.replace("SPLIT", split) for split in ("train", "test"))
    return (
        f"""\
version: 1
benchmarks:
  toy:
    train: {{data: {{some: {train}}}, {training}}}
    encoders: {{{encoders}}}
    samplers: {{{sampler}: {{use: {sampler}}}}}
    objectives: {{infonce: {{use: infonce}}}}
    evaluate:
      test: {{data: {test}, settings: [{settings}], metrics: [{metrics}]}}
    {more}
""".rstrip()
        + "\n"
    )


def table(animal: str) -> str:
    """A file of FILES: ten sentences about an animal, in English and German."""
    rows = [f"the {animal} has number {n}\tdie Zahl {n} hat {animal}\n" for n in range(10)]
    return "en\tde\n" + "".join(rows)
