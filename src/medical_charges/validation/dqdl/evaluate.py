"""Evaluation of DQDL: by Glue's own transform in Glue, by Deequ anywhere else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

WITHOUT_EVALUATOR = "spark.medicalcharges.withoutEvaluator"
"""Setting with the reason why a laptop has no evaluator. AWS does not set it."""

_QUOTED = re.compile(r'("(?:[^"\\]|\\.)*")')
_BREAKS = "DataQualityRulesFail"
_ROWS = "rowLevelOutcomes"
_VIEW = "primary"


@dataclass(frozen=True)
class Answer:
    """An evaluator's answer about a rule."""

    rule: str
    """The rule's text, as the evaluator writes it."""
    outcome: str
    reason: str
    metrics: Mapping[str, float]

    @staticmethod
    def of(row: Row) -> Answer:
        """Return an answer from a row of the table that both evaluators give."""
        return Answer(
            row["Rule"], row["Outcome"], row["FailureReason"] or "", row["EvaluatedMetrics"] or {}
        )


def rule_key(rule: str) -> str:
    """Return a rule's text without spaces and capitals outside quotes, which evaluators change."""
    return "".join(
        part if part.startswith('"') else "".join(part.split()).lower()
        for part in _QUOTED.split(rule)
    )


class NoEvaluatorError(Exception):
    """DQDL cannot be evaluated here, and need not be."""


class Evaluator(Protocol):
    """Evaluates DQDL on a data frame."""

    def session(self, spark: SparkSession) -> SparkSession:
        """The session in which small frames are made."""
        ...

    def answers(self, frame: DataFrame, ruleset: str) -> list[Answer]:
        """Return the answer about each rule of a ruleset."""
        ...

    def broken_by(self, frame: DataFrame, ruleset: str) -> int:
        """Return the number of rows that break a rule; 0 if the rule is not about single rows."""
        ...


def evaluator_of(spark: SparkSession) -> Evaluator:
    """Return the evaluator of DQDL for this process.

    Raises:
        NoEvaluatorError: this is a laptop that has none.
    """
    try:
        return _Glue(spark)
    except ImportError:
        if why := spark.conf.get(WITHOUT_EVALUATOR, ""):
            raise NoEvaluatorError(why) from None
        return _Deequ(spark)


class _Glue:
    """Glue's own transform.

    Results are not published to Glue's store: a measured value may be one person's.
    """

    _UNPUBLISHED: Mapping[str, Any] = {
        "enableDataQualityCloudWatchMetrics": False,
        "enableDataQualityResultsPublishing": False,
    }

    def __init__(self, spark: SparkSession) -> None:
        # Available in Glue only.
        from awsgluedq.transforms import EvaluateDataQuality  # noqa: PLC0415, I001

        from awsglue.context import GlueContext  # noqa: PLC0415

        self._transform = EvaluateDataQuality
        self._context = GlueContext(spark.sparkContext)

    def session(self, spark: SparkSession) -> SparkSession:
        return spark

    def answers(self, frame: DataFrame, ruleset: str) -> list[Answer]:
        found = self._transform.apply(
            frame=self._dynamic(frame),
            ruleset=ruleset,
            publishing_options={"dataQualityEvaluationContext": _VIEW, **self._UNPUBLISHED},
        )
        return [Answer.of(row) for row in found.toDF().collect()]

    def broken_by(self, frame: DataFrame, ruleset: str) -> int:
        found = self._transform().process_rows(
            frame=self._dynamic(frame),
            ruleset=ruleset,
            publishing_options={"dataQualityEvaluationContext": _VIEW, **self._UNPUBLISHED},
        )
        return _broken(found[_ROWS].toDF())

    def _dynamic(self, frame: DataFrame) -> Any:
        from awsglue.dynamicframe import DynamicFrame  # noqa: PLC0415

        return DynamicFrame.fromDF(frame, self._context, _VIEW)


class _Deequ:
    """Deequ's evaluator, called in Spark's own process."""

    # Small tables: compiling code for them takes longer than evaluating them.
    _LEAN: Mapping[str, str] = {
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.shuffle.partitions": "1",
    }

    def __init__(self, spark: SparkSession) -> None:
        from py4j.java_gateway import JavaClass  # noqa: PLC0415 - comes with Spark

        jvm: Any = spark._jvm  # noqa: SLF001 - the only way to Scala
        self._process = jvm.com.amazon.deequ.dqdl.EvaluateDataQuality
        if not isinstance(self._process, JavaClass):
            raise RuntimeError("neither Glue's evaluator of DQDL nor Deequ's is there")

    def session(self, spark: SparkSession) -> SparkSession:
        found = spark.newSession()
        for name, value in self._LEAN.items():
            found.conf.set(name, value)
        return found

    def answers(self, frame: DataFrame, ruleset: str) -> list[Answer]:
        frame.createOrReplaceTempView(_VIEW)
        found = self._process.process(frame._jdf, ruleset)  # noqa: SLF001
        return [Answer.of(row) for row in _frame(found, frame).collect()]

    def broken_by(self, frame: DataFrame, ruleset: str) -> int:
        frame.createOrReplaceTempView(_VIEW)
        found = self._process.processRows(frame._jdf, ruleset)  # noqa: SLF001
        return _broken(_frame(found.apply(_ROWS), frame))


def _frame(found: Any, like: DataFrame) -> DataFrame:
    from pyspark.sql import DataFrame  # noqa: PLC0415 - nothing that derives rules needs Spark

    return DataFrame(found, like.sparkSession)


def _broken(rows: DataFrame) -> int:
    return rows.filter(f"size({_BREAKS}) > 0").count()
