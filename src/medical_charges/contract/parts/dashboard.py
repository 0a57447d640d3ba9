"""How the outputs are presented."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, StrictInt, StrictStr

from medical_charges.contract.parts.part import Name, Part, Reason


class Share(Part):
    """People of one group of a filter, as a share of all who are selected."""

    column: str = Field(description="One of the filters.")
    group: StrictStr | StrictInt = Field(description="The group whose share it is.")


class DataSource(Part):
    """What readers must know of the data: it is shown with every figure that they take along."""

    origin: Reason = Field(description="Where the data comes from.")
    period: Reason | None = Field(None, description="The time that it is about.")
    population: Reason | None = Field(None, description="Who or what is in it.")
    license: Reason | None = Field(None, description="On what terms it may be used.")
    contact: Reason | None = Field(None, description="Whom to ask about it.")


class Dashboard(Part):
    """The presentation of the outputs, and the filters of the dashboard."""

    title: Reason | None = Field(None, description="What stands over the dashboard.")
    source: DataSource | None = Field(
        None, description="What is said of the data on the page and on what is saved from it."
    )
    filters: tuple[str, ...] = Field(
        (), description="Columns or bands by which every chart can be filtered at once."
    )
    filtered_as: Mapping[str, str] = Field(
        default_factory=dict,
        description="Columns that are shown by one of their bands while a filter is set.",
    )
    charts: Mapping[Name, Literal["bars", "pie", "line"]] = Field(
        default_factory=dict, description="What an analysis is drawn as, if not by default."
    )
    unit: Reason | None = Field(
        None, description="What the measure is counted in: a currency's code, or a word."
    )
    names: Mapping[str, Reason] = Field(
        default_factory=dict,
        description="What columns, bands, analyses and shares are called, if not by themselves.",
    )
    labels: Mapping[str, Mapping[StrictStr, Reason]] = Field(
        default_factory=dict, description="What the groups of columns and bands are called."
    )
    shares: Mapping[Name, Share] = Field(
        default_factory=dict, description="Shares of the people to show next to their number."
    )
