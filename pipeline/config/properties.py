"""The properties to send: rows of the config's lists. Knows no section that holds them, and no YAML."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from pipeline.config.value_types import Name, PropertyPath, Rule, Section, broken_rule, check_row
from transforms.amplitude.paths import Path
from transforms.mapping.filters import EVERYTHING

PropertyType = Literal["string", "integer", "number", "boolean", "date", "list"]


class PropertyRow(Section):
    """A property to send: where it comes from, the field it becomes in Iterable, its type there."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["property"]}, {"required": ["path"]}]})

    name: Name | None = Field(
        default=None, alias="property", description="The whole name of the property, in the scope of the list."
    )
    path: PropertyPath | None = Field(
        default=None,
        validate_default=True,
        description="Instead of property: a path into another scope, or a key of the event such as country.",
    )
    rename: Name | None = Field(
        default=None, alias="as", description="The field's name in Iterable. Omitted: the property's own."
    )
    type: Annotated[
        PropertyType | None,
        Rule(
            f"must be one of {', '.join(get_args(PropertyType))}",
            "Remove it to keep the value's own type",
        ),
    ] = Field(default=None, description="Convert the value to this type. Omitted: it keeps its JSON type.")

    @field_validator("name")
    @classmethod
    def _one_property(cls, name: str | None) -> str | None:
        if name == EVERYTHING:
            raise broken_rule("must stand alone: it means every property", 'Write the list as "*", or list properties')
        return name

    @field_validator("path")
    @classmethod
    def _one_source(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        if "name" in info.data and path and info.data["name"]:
            raise broken_rule("must not stand beside property: a row has one source", "Remove one of the two")
        if "name" in info.data and not path and not info.data["name"]:
            raise broken_rule("must have a property or a path", "Add property: NAME, or path: SCOPE.NAME")
        return path

    @property
    def target(self) -> str:
        """The field's name in Iterable."""
        return self.rename or (self.path.name if self.path else self.name or "")

    def source(self, scope: str) -> Path:
        """Where the value is, for a row of a list whose bare names live in `scope`."""
        return self.path or Path(scope, self.name or "")


def _read_property(value: Any) -> Any:
    if isinstance(value, str):
        return {"property": value}
    check_row(value, PropertyRow, ("property", "path"))
    if isinstance(value, dict | PropertyRow):
        return value
    remedy = "Write a name; put it in quotes if YAML reads it as something else"
    raise broken_rule("must be a property's name, or a mapping with property or path", remedy)


_PropertyName = Annotated[str, Field(min_length=1, description="The whole name of the property.")]
PropertyRowOrName = Annotated[
    PropertyRow, BeforeValidator(_read_property, json_schema_input_type=_PropertyName | PropertyRow)
]


class PropertyList(Section):
    """The properties of one scope that are sent: all of them, or the rows."""

    everything: bool = False
    rows: tuple[PropertyRowOrName, ...] = ()


def _read_list(value: Any) -> Any:
    if isinstance(value, PropertyList):
        return value
    if value == EVERYTHING:
        return PropertyList(everything=True)
    if isinstance(value, list):
        return {"rows": value}
    raise broken_rule('must be a list of properties, or "*" for all', "Write [] to send none")


Properties = Annotated[
    PropertyList,
    BeforeValidator(_read_list, json_schema_input_type=Literal["*"] | tuple[PropertyRowOrName, ...]),
]
