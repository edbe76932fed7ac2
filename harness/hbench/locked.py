"""For ``hbench run --locked``: whether what is done already was done by the versions at hand."""

from collections.abc import Iterator, Mapping
from typing import Any

from hbench.errors import StoreError
from hbench.jobs import EncodeJob, Job
from hbench.manifests import is_complete, read_manifest
from hbench.plan import Plan
from hbench.provenance import versions
from hbench.store import Store

MOST = 20  # differences that a message lists
Versions = Mapping[str, str | None]


def refuse_other_versions(plan: Plan, store: Store) -> None:
    """Make sure that no result that a run would take over was made by other versions.

    Raises:
        StoreError: some were; lists each difference once, with a place where it was found.
    """
    found: dict[str, str] = {}
    for job in plan.jobs:
        for place, difference in _differences(job, store):
            found.setdefault(difference, place)
    if found:
        lines = [f"  {difference} (in {place})" for difference, place in found.items()]
        more = [f"  and {len(lines) - MOST} more"] if len(lines) > MOST else []
        head = f"--locked: {store.root} holds results that other versions made:"
        tail = (
            "install these versions, give another folder with --results, or leave --locked away "
            "to mix them"
        )
        raise StoreError("\n".join([head, *lines[:MOST], *more, tail]))


def _differences(job: Job, store: Store) -> Iterator[tuple[str, str]]:
    """(place, what differs) of one job's results."""
    if isinstance(job, EncodeJob):  # a run goes on from the shards that are there
        folders = [place.folder for place in job.places(store) if is_complete(place.folder)]
    else:
        folders = [job.folder(store)] if job.is_done(store) else []
    now = versions()
    for folder in folders:
        manifest = read_manifest(folder)
        made: list[Versions] = [manifest.get("provenance", {}).get("versions", {})]
        made.append(manifest.get("scored", {}).get("versions", {}))
        for then in made:
            for name in now.keys() & then.keys():
                yield from _difference(str(folder), name, then[name], now[name])
        yield from _distributions(str(folder), manifest, job)


def _distributions(place: str, manifest: Mapping[str, Any], job: Job) -> Iterator[tuple[str, str]]:
    """What differs in the distributions that a job's plugins come from."""
    for built in job.plugins:
        entry = built.entry
        for then in manifest.get("plugins", ()):
            if (then["kind"], then["name"]) == (entry.kind, entry.name):
                name = f"{entry.kind} {entry.name!r} of {then['distribution']}"
                yield from _difference(
                    place, name, then["distribution_version"], entry.distribution_version
                )


def _difference(
    place: str, name: str, then: str | None, now: str | None
) -> Iterator[tuple[str, str]]:
    if then != now:
        yield place, f"{name}: {then or 'not installed'} then, {now or 'not installed'} now"
