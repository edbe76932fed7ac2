"""The table of methods and metrics as a ``Report`` of ranx, mended for metrics of any direction.

ranx takes a lower value for a worse one, knows its own metrics only, gives letters to 26 rows at
most, and writes LaTeX that holds its own instructions; here it gets hbench's figures and decisions.
"""

from collections.abc import Mapping
from typing import Any

from hbench.tables import ABSENT, Group, cell, heading, letter, superscript

Tables = Mapping[str, Mapping[str, Any]]  # by their heading


def report(group: Group, test: str, alpha: float) -> Any:  # noqa: ANN401 - ranx has no types
    """A group's table: ``str`` of it is the terminal's text, ``to_latex`` a LaTeX tabular.

    Args:
        group: the tables of one evaluation and setting.
        test: the test's name, for people.
        alpha: of significance.
    """
    from ranx.data_structures.frozenset_dict import FrozensetDict
    from ranx.data_structures.report import Report
    from tabulate import tabulate

    class DirectedReport(Report):  # type: ignore[misc]
        """ranx's Report for metrics of either direction, absent values and any number of rows."""

        def format_score(self, score: float | None) -> str:
            return ABSENT if score is None else str(super().format_score(score))

        def get_metric_label(self, m: str) -> str:
            return m

        def get_stat_test_label(self, stat_test: str) -> str:
            return stat_test

        def get_superscript_for_table(self, model: str, metric: str) -> str:
            return superscript(model, by_heading[metric], group.methods)

        def to_table(self) -> str:
            scored = [
                [
                    self.format_score(self.results[model][metric])
                    + self.get_superscript_for_table(model, metric)
                    for metric in self.metrics
                ]
                for model in self.model_names
            ]
            return self._laid_out(scored, "simple")

        def to_latex(self) -> str:
            rows = [
                [
                    cell(by_heading[metric], model) + self.get_superscript_for_table(model, metric)
                    for metric in self.metrics
                ]
                for model in self.model_names
            ]
            return self._laid_out(rows, "latex_booktabs")

        def _laid_out(self, scored: list[list[str]], form: str) -> str:
            rows = [
                [letter(index), model, *cells]
                for index, (model, cells) in enumerate(zip(self.model_names, scored, strict=True))
            ]
            headers = ["#", "Method", *map(self.get_metric_label, self.metrics)]
            return str(tabulate(rows, headers, tablefmt=form, disable_numparse=True))

    by_heading = {heading(table): table for table in group.tables}
    return DirectedReport(
        model_names=group.methods,
        results={method: _means(method, by_heading) for method in group.methods},
        comparisons=FrozensetDict(_decisions(by_heading)),
        metrics=list(by_heading),
        max_p=alpha,
        win_tie_loss={},
        stat_test=test,
    )


def _means(method: str, by_heading: Tables) -> dict[str, float | None]:
    return {
        name: next(row["mean"] for row in table["rows"] if row["method"] == method)
        for name, table in by_heading.items()
    }


def _decisions(by_heading: Tables) -> dict[tuple[str, str], dict[str, dict[str, Any]]]:
    """For each pair of methods what was decided on each metric."""
    found: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for name, table in by_heading.items():
        for pair in table["comparisons"]:
            decision = {"p_value": pair["p_adjusted"], "significant": pair["significant"]}
            found.setdefault((pair["a"], pair["b"]), {})[name] = decision
    return found
