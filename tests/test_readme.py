import re
from pathlib import Path
from textwrap import indent

import hbench
from hbench.cli import app
from hbench.validate import load_spec

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```bash\n(.*?)```", README, re.S)
            for line in block.splitlines() if line]  # fmt: skip


def test_ci_calls_the_readmes_test_and_main_commands():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    tests = "pip install -e '.[dev]' && pytest -n auto --dist loadfile"
    main = "pip install . && hbench run benchmarks.yaml"
    assert tests in COMMANDS and main in COMMANDS
    for command in (tests, main):
        # CI may add options (where results go, no chatter), but calls the same things in order.
        words = [re.escape(word) for word in command.split()]
        assert re.search(r"^[^#\n]*" + r"\s+(?:--quiet\s+)?".join(words), script, re.M), command


def test_every_hbench_command_of_the_readme_exists():
    known = {command.name for command in app.registered_commands}
    used = {match for line in COMMANDS for match in re.findall(r"hbench (\w+)", line)}
    assert used and used <= known


def test_the_readmes_spec_is_valid(tmp_path):
    spec, training, evaluation, data = re.findall(r"```yaml\n(.*?)```", README, re.S)
    path = tmp_path / "mine.yaml"
    path.write_text(spec, encoding="utf-8")
    assert list(load_spec(path).benchmarks) == ["mine"]
    other = indent(training, "    ") + "    encoders:"
    path.write_text(re.sub(r"    train:.*?    encoders:", lambda _: other, spec, flags=re.S))
    train = load_spec(path).benchmarks["mine"].train
    assert train is not None and train.validation is not None and train.validation.patience == 5
    other = indent(evaluation, "    ")
    path.write_text(re.sub(r"    evaluate:.*?(?=    claims:)", lambda _: other, spec, flags=re.S))
    assert list(load_spec(path).benchmarks["mine"].transforms) == ["plain", "shift"]
    trained, tested = indent(data, "    ").split("    evaluate:")
    other = re.sub(r"    train:.*?(?=    encoders:)", lambda _: f"{trained}      steps: 1\n", spec,
                   flags=re.S)  # fmt: skip
    path.write_text(
        re.sub(r"    evaluate:.*", lambda _: f"    evaluate:{tested}", other, flags=re.S)
    )
    mixed = load_spec(path).benchmarks["mine"]
    assert mixed.train is not None and mixed.train.data["mmarco"].cap == 500_000
    assert list(mixed.evaluate) == ["xquad", "mine"]


def test_what_the_readme_has_from_python_is_there():
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    used = set(re.findall(r"^results\.(\w+)", code, re.M))
    assert len(used) == 5
    assert [name for name in used if not hasattr(hbench.Results, name)] == []
    assert set(re.findall(r"hbench\.(\w+)\(", code)) <= set(hbench.__all__)


def test_every_file_that_the_readme_links_to_exists():
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
