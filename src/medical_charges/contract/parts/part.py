"""What all parts of a contract have in common: keys that are known, types of values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

NAME_LIMIT = 63
Name = Annotated[StrictStr, Field(pattern=rf"^[a-z][a-z0-9_]{{0,{NAME_LIMIT - 1}}}$")]
"""A name that is valid as a column, a file, a Catalog table and a dashboard field."""

Number = (
    Annotated[StrictInt, Field(ge=-(2**53), le=2**53)]
    | Annotated[StrictFloat, Field(allow_inf_nan=False)]
)
"""A number as in the contract, or as a double if it is an integer beyond 53 bits."""

Noun = Annotated[StrictStr, Field(pattern=r"^[a-z]+([ -][a-z]+)*$", max_length=40)]
"""What a row is, in lower case letters."""

Reason = Annotated[StrictStr, Field(min_length=1)]
"""A text that is not empty."""


class Part(BaseModel):
    """A mapping with known keys, which says them where it finds others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def allowed_keys(cls) -> str:
        """Return the keys that this part of a contract may have, as a phrase."""
        return "the keys " + ", ".join(cls.model_fields)

    @model_validator(mode="wrap")
    @classmethod
    def _no_unknown_keys(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Add the allowed keys to each error about an unknown key, and check the rest as well."""
        if not isinstance(value, Mapping):
            return handler(value)
        known = {key: item for key, item in value.items() if key in cls.model_fields}
        mistake = PydanticCustomError("unknown_key", "unknown", {"allowed": cls.allowed_keys()})
        mistakes: list[InitErrorDetails] = [
            {"type": mistake, "loc": (str(key),), "input": key} for key in value if key not in known
        ]
        try:
            part = handler(known)
        except ValidationError as error:
            mistakes += map(_again, error.errors())
        if mistakes:
            raise ValidationError.from_exception_data(cls.__name__, mistakes)
        return part


_OWN = frozenset({"no_day", "unknown_key"})
"""Types of errors that pydantic does not know."""


def _again(detail: ErrorDetails) -> InitErrorDetails:
    """Return an error in the form in which pydantic takes it back."""
    context = detail.get("ctx", {})
    kind: str | PydanticCustomError = detail["type"]
    if kind in _OWN:
        kind = PydanticCustomError(kind, detail["msg"], context)
    return {"type": kind, "loc": detail["loc"], "input": detail["input"], "ctx": context}
