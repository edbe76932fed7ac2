"""Why jobs failed: kept for people, and told to the other processes that walk the same plan."""

import shutil
from contextlib import suppress
from datetime import UTC, datetime

from hbench.errors import Damaged, StoreError
from hbench.jobs import Job
from hbench.manifests import MANIFEST, read_manifest
from hbench.provenance import Hardware, record
from hbench.records import Outcome
from hbench.store import Store


class Failures:
    """The failures of a run, in ``failures/<key>/manifest.json``.

    A new run tries again what failed in an earlier one. But of several processes that share a run
    only one tries: what failed since this one started, it does not try once more.
    """

    def __init__(self, store: Store, hardware: Hardware) -> None:
        self.store = store
        self.hardware = hardware
        self.start = store.now()

    def since_start(self, job: Job) -> str | None:
        """Why a job failed in another process since this one started, if it did."""
        folder = self.store.failure(job.key)
        with suppress(FileNotFoundError, Damaged):
            if (folder / MANIFEST).stat().st_mtime_ns > self.start:
                return f"in another process: {read_manifest(folder).get('message')}"
        return None

    def note(self, job: Job, outcome: Outcome) -> None:
        """Keep why a job failed; forget it once the job is done."""
        folder = self.store.failure(job.key)
        if outcome.state == "done":
            shutil.rmtree(folder, ignore_errors=True)
        if outcome.state != "failed":
            return
        told = {
            "key": job.key,
            "job": job.title,
            "message": outcome.message,
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "inputs": job.inputs,
            "provenance": record(self.hardware),
        }
        with suppress(StoreError), self.store.writing(folder, told):  # the disk may be full
            pass
