"""What all sections of the configuration have in common."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A frozen group of settings that refuses keys it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


def optional(section: type[Section]) -> dict[str, Any]:
    """Give a section's keys as overrides: each may be left out, or be null."""
    # The metadata are the bounds: an override is held to those of the key it overrides.
    return {
        name: Annotated[
            field.annotation | None, *field.metadata, Field(None, description=field.description)
        ]
        for name, field in section.model_fields.items()
    }
