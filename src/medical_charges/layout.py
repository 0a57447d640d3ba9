"""Where things lie below a contract's prefix, in a bucket as on a laptop."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    """The keys of one data set."""

    prefix: str

    @classmethod
    def of_run(cls, folder: str) -> tuple[Layout, str]:
        """The layout that a run's folder belongs to, and the run's id."""
        runs, _, run_id = folder.rpartition("/")
        return cls(runs.rpartition("/")[0]), run_id

    @property
    def input(self) -> str:
        """What users upload."""
        return f"{self.prefix}/Input_data"

    @property
    def output(self) -> str:
        """The published outputs, one folder each."""
        return f"{self.prefix}/Output_data"

    @property
    def manifests(self) -> str:
        """The manifests of the published outputs."""
        return f"{self.prefix}/Manifest_data"

    def published(self, analysis: str) -> str:
        """A published output."""
        return f"{self.output}/{analysis}/{analysis}.csv"

    def manifest(self, analysis: str) -> str:
        """The manifest of a published output."""
        return f"{self.manifests}/{analysis}.json"

    @property
    def dashboard(self) -> str:
        """The page that shows what is published; made on a laptop, beside the data it shows."""
        return f"{self.prefix}/dashboard.html"

    def partial(self, identity: str) -> str:
        """An object's cube."""
        return f"{self.prefix}/Cube_data/partials/{identity}.json"

    def reconciliation(self, identity: str) -> str:
        """What an object's rows came to when its partial was held against them."""
        return f"{self.prefix}/Cube_data/reconciled/{identity}.json"

    def state(self, identity: str) -> str:
        """A snapshot's merged cube."""
        return f"{self.prefix}/Cube_data/states/{identity}.json"

    @property
    def latest_state(self) -> str:
        """The pointer to the state that the last run stored."""
        return f"{self.prefix}/Cube_data/latest.json"

    def quarantine_of(self, identity: str) -> str:
        """The folder of an object's rejected lines."""
        return f"{self.prefix}/Quarantine_data/{identity}"

    def quarantine(self, identity: str, start: int) -> str:
        """The rejected lines of one range of an object."""
        return f"{self.quarantine_of(identity)}/{start:016d}.parquet"

    @property
    def runs(self) -> str:
        """The folders of all runs."""
        return f"{self.prefix}/Run_data"

    def run(self, run_id: str) -> str:
        """The folder of everything that one run made."""
        return f"{self.runs}/{run_id}"

    def staged(self, run_id: str, analysis: str) -> str:
        """An output before it is published."""
        return f"{self.run(run_id)}/outputs/{analysis}/{analysis}.csv"

    def plan(self, run_id: str) -> str:
        """The input that a run was planned for."""
        return f"{self.run(run_id)}/plan.json"

    def summary(self, run_id: str) -> str:
        """What a run read and made."""
        return f"{self.run(run_id)}/summary.json"

    def change(self, run_id: str) -> str:
        """How far a run is from what was served when it was compared."""
        return f"{self.run(run_id)}/change.json"

    def hold(self, run_id: str) -> str:
        """Why a run was held, or would have been."""
        return f"{self.run(run_id)}/hold.json"

    def error(self, run_id: str) -> str:
        """Why a run's analysis failed, by itself."""
        return f"{self.run(run_id)}/error.json"

    def failure(self, run_id: str) -> str:
        """In which state a run failed, and why."""
        return f"{self.run(run_id)}/failure.json"

    def previous(self, run_id: str) -> str:
        """What was published before a run published, to be put back if that fails."""
        return f"{self.run(run_id)}/previous"

    def validation(self, run_id: str, check: str) -> str:
        """What a check of a run found."""
        return f"{self.run(run_id)}/validation/{check}.json"

    def report(self, run_id: str) -> str:
        """What a run read, checked and withheld, as JSON."""
        return f"{self.run(run_id)}/report.json"

    def report_page(self, run_id: str) -> str:
        """The same as a page."""
        return f"{self.run(run_id)}/report.html"

    def golden(self, run_id: str) -> str:
        """Where a run analyses the golden sample."""
        return f"{self.run(run_id)}/golden"
