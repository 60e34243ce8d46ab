"""Generate config.yaml and its schema from the settings: ``python -m stemjax.config_files``.

The files are committed for people to read; a test fails when they drift from the settings.
"""

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from stemjax.config import Config, Simulate

HEADER = """\
# What stemjax does, with every key at its default: leave out what you do not change.
# Data belong in the sheet (acquisitions), machines in profiles/.
# Generated from stemjax/config.py by `make config`.
"""
SIMULATE = "the demo's simulated microscope; delete this section for data of your own"


def config_yaml() -> str:
    """Write the default settings as YAML with a comment for every key."""
    config = Config(simulate=Simulate())
    return HEADER + "\n" + "\n".join(_lines(config, "")) + "\n"


def config_schema() -> str:
    """Write the JSON schema that editors complete and check config.yaml with."""
    return json.dumps(Config.model_json_schema(), indent=2) + "\n"


def _lines(section: BaseModel, indent: str) -> list[str]:
    lines = []
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        comment = SIMULATE if name == "simulate" else field.description
        if isinstance(value, BaseModel):
            comment = comment or (type(value).__doc__ or "").strip()
            lines += ["", f"# {comment}", f"{indent}{name}:", *_lines(value, indent + "  ")]
        elif isinstance(value, dict) and value:
            lines += ["", f"# {comment}", f"{indent}{name}:"]
            lines += [f"{indent}  {k}: {_flow(v)}" for k, v in value.items()]
        else:
            lines.append(f"{indent}{name}: {_flow(value)}  # {comment}")
    return lines


def _flow(value: Any) -> str:
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_none=True, exclude_unset=True)
    return yaml.safe_dump(value, default_flow_style=True, width=200).replace("\n...", "").strip()


def main(root: Path = Path()) -> None:
    """Write both files below the project's root."""
    (root / "config.yaml").write_text(config_yaml(), encoding="utf-8")
    (root / "schemas" / "config.schema.json").write_text(config_schema(), encoding="utf-8")


if __name__ == "__main__":
    main()
