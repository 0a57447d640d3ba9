"""Keys below a contract's prefix, in a bucket or in a folder."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    """The keys of one dataset."""

    prefix: str

    @classmethod
    def of_run(cls, folder: str) -> tuple[Layout, str]:
        """Return the layout that a run's folder belongs to, and the run id."""
        runs, _, run_id = folder.rpartition("/")
        return cls(runs.rpartition("/")[0]), run_id

    @property
    def input(self) -> str:
        """The folder for uploads of input."""
        return f"{self.prefix}/Input_data"

    @property
    def output(self) -> str:
        """The folder of the published outputs, which has one folder for each output."""
        return f"{self.prefix}/Output_data"

    @property
    def manifests(self) -> str:
        """The folder of the manifests of the published outputs."""
        return f"{self.prefix}/Manifest_data"

    def published(self, analysis: str) -> str:
        """Return the key of a published output."""
        return f"{self.output}/{analysis}/{analysis}.csv"

    def manifest(self, analysis: str) -> str:
        """Return the key of the manifest of a published output."""
        return f"{self.manifests}/{analysis}.json"

    @property
    def dashboard(self) -> str:
        """The dashboard's page."""
        return f"{self.prefix}/Dashboard/index.html"

    @property
    def workbook(self) -> str:
        """The workbook of all published outputs; made locally, next to the dashboard."""
        return f"{self.prefix}/tables.xlsx"

    @property
    def for_readers(self) -> tuple[str, ...]:
        """Folders and files that may be passed on.

        All others hold rows, or counts that are not protected.
        """
        return (self.output, self.manifests, self.dashboard.rpartition("/")[0], self.workbook)

    def partial(self, identity: str) -> str:
        """Return the key of an object's partial."""
        return f"{self.prefix}/Cube_data/partials/{identity}.json"

    def reconciliation(self, identity: str) -> str:
        """Return the key of the record that an object's partial was compared with its rows."""
        return f"{self.prefix}/Cube_data/reconciled/{identity}.json"

    def state(self, identity: str) -> str:
        """Return the key of the state of a snapshot."""
        return f"{self.prefix}/Cube_data/states/{identity}.json"

    @property
    def latest_state(self) -> str:
        """The pointer to the state that the last run stored."""
        return f"{self.prefix}/Cube_data/latest.json"

    def quarantine_of(self, identity: str) -> str:
        """Return the folder of an object's rejected lines."""
        return f"{self.prefix}/Quarantine_data/{identity}"

    def quarantine(self, identity: str, first: int) -> str:
        """Return the key of some rejected lines of an object, by the offset of the first."""
        return f"{self.quarantine_of(identity)}/{first:016d}.parquet"

    @property
    def runs(self) -> str:
        """The folders of all runs."""
        return f"{self.prefix}/Run_data"

    @property
    def live(self) -> str:
        """The record of the run whose outputs are published."""
        return f"{self.runs}/live.json"

    @property
    def history(self) -> str:
        """The record of which run's version of each output readers may have."""
        return f"{self.runs}/history.json"

    def run(self, run_id: str) -> str:
        """Return the folder of a run."""
        return f"{self.runs}/{run_id}"

    def staged(self, run_id: str, analysis: str) -> str:
        """Return the key of a staged output."""
        return f"{self.run(run_id)}/outputs/{analysis}/{analysis}.csv"

    def snapshot(self, run_id: str) -> str:
        """Return the key of the list of input objects of a run."""
        return f"{self.run(run_id)}/snapshot.json"

    def earlier(self, run_id: str) -> str:
        """Return the key of the published versions that a run is compared with."""
        return f"{self.run(run_id)}/earlier.json"

    def summary(self, run_id: str) -> str:
        """Return the key of a run's summary."""
        return f"{self.run(run_id)}/summary.json"

    def change(self, run_id: str) -> str:
        """Return the key of the difference between a run and what was live at the comparison."""
        return f"{self.run(run_id)}/change.json"

    def hold(self, run_id: str) -> str:
        """Return the key of the reason why a run was held, or would have been."""
        return f"{self.run(run_id)}/hold.json"

    def error(self, run_id: str) -> str:
        """Return the key of the error with which a run's analysis failed."""
        return f"{self.run(run_id)}/error.json"

    def failure(self, run_id: str) -> str:
        """Return the key of the state in which a run failed, and the reason."""
        return f"{self.run(run_id)}/failure.json"

    def validation(self, run_id: str, check: str) -> str:
        """Return the key of a validation's results."""
        return f"{self.run(run_id)}/validation/{check}.json"

    def report(self, run_id: str) -> str:
        """Return the key of a run's report as JSON."""
        return f"{self.run(run_id)}/report.json"

    def report_page(self, run_id: str) -> str:
        """Return the key of a run's report as a page."""
        return f"{self.run(run_id)}/report.html"

    def golden(self, run_id: str) -> str:
        """Return the prefix below which a run analyzes the golden sample."""
        return f"{self.run(run_id)}/golden"
