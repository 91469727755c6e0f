# SPDX-License-Identifier: Apache-2.0
"""The properties to send: rows of the config's lists. Knows no section that holds them, and no YAML."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationInfo, field_validator

from pipeline.config.sources import (
    SOURCES,
    Constant,
    Conversions,
    Nulls,
    OnError,
    PathsOrScopes,
    TemplateText,
    only_source,
    short,
    source_of,
)
from pipeline.config.value_types import Name, Rule, Section, broken_rule, check_row
from transforms.amplitude.paths import SCOPES, Path
from transforms.mapping.filters import EVERYTHING
from transforms.mapping.properties import FieldMapping, PropertySelection, parse_target
from transforms.mapping.sources import ITEM, Handling, Source, Template


def _read_names(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value if isinstance(value, tuple) else (value,)


Names = Annotated[
    tuple[Name, ...],
    Field(min_length=1),
    BeforeValidator(_read_names, json_schema_input_type=Name | Annotated[list[Name], Field(min_length=1)]),
    PlainSerializer(short),
    Rule("must be a name, or a list of names", "Write a name; put it in quotes if YAML reads it as something else"),
]


class PropertyRow(Section):
    """A property to send: where it comes from, the field it becomes in Iterable, its type there."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [name]} for name in SOURCES]})
    later: ClassVar[frozenset[str]] = frozenset(
        {"value", "template", "default", "each", "on_error", "nulls", "left_out"}
    )

    names: Names | None = Field(
        default=None,
        alias="property",
        description='The whole name, in the scope of the list, or a list: the first that has a value; "*": all.',
    )
    path: PathsOrScopes | None = Field(
        default=None,
        description=(
            "Instead of property: a path into another scope, or a key of the event such as country; or a list. "
            "With each a scope alone, such as event_properties, is all of it."
        ),
    )
    value: Constant | None = Field(default=None, description="Instead: a constant.")
    template: TemplateText | None = Field(
        default=None, validate_default=True, description="Instead: text around paths in braces."
    )
    rename: Name | None = Field(
        default=None,
        alias="as",
        validate_default=True,
        description=r"The field's name in Iterable; dots make objects, \. is a dot. Omitted: the property's own.",
    )
    type: Conversions = Field(
        default=(),
        json_schema_extra={"default": None},
        description="Convert the value to this type, or a list: in this order. Omitted: it keeps its JSON type.",
    )
    default: Constant | None = Field(default=None, description="A constant for a value that is missing, null or blank.")
    each: "Properties | None" = Field(
        default=None,
        validate_default=True,
        description="What becomes of each item of a list: rows, whose bare names are keys of the item.",
    )
    on_error: OnError | None = Field(
        default=None, description="What becomes of a value that cannot be converted. Omitted: as the section says."
    )
    nulls: Nulls | None = Field(default=None, description="What becomes of null. Omitted: as the section says.")
    left_out: Annotated[
        tuple[Name, ...], Rule("must be a list of names", "Write [internal_notes]"), PlainSerializer(list)
    ] = Field(default=(), alias="except", description='With "*": the names that it leaves out.')

    @field_validator("names")
    @classmethod
    def _all_or_some(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if names and EVERYTHING in names[1:]:
            raise broken_rule('must not hold "*": it means every property', "Give it a row of its own")
        return names

    @field_validator("path", "value", "template")
    @classmethod
    def _one_source(cls, value: Any, info: ValidationInfo) -> Any:
        return only_source(value, info.data)

    @field_validator("template")
    @classmethod
    def _some_source(cls, template: Template | None, info: ValidationInfo) -> Template | None:
        names = ("names", "path", "value")
        known = info.data.keys() >= set(names) and template is None
        if known and all(info.data[name] is None for name in names):
            rule = "must have a property, a path, a value or a template"
            raise broken_rule(rule, "Add property: NAME, or path: SCOPE.NAME")
        return template

    @field_validator("rename")
    @classmethod
    def _a_field(cls, rename: str | None, info: ValidationInfo) -> str | None:
        if rename is None:
            nameless = next((name for name in ("value", "template") if info.data.get(name) is not None), None)
            if nameless:
                raise broken_rule(f"must have as: a {nameless} has no name of its own", "Add as: NAME")
            return None
        try:
            parse_target(rename)
        except ValueError:
            remedy = r"Write address.city for a field of an object, \. for a dot that is meant"
            raise broken_rule("must not have a dot without a name beside it", remedy) from None
        return rename

    @field_validator("each")
    @classmethod
    def _of_whole_scopes(cls, each: "PropertyList | None", info: ValidationInfo) -> "PropertyList | None":
        scope = next((path for path in info.data.get("path") or () if _is_scope(path)), None)
        if scope and each is None:
            raise broken_rule(f"must have each: {scope} alone is an object", f"Add each, or write {scope}.NAME")
        return each

    @field_validator("rename", "type", "default", "each", "on_error")
    @classmethod
    def _not_of_all(cls, value: Any, info: ValidationInfo) -> Any:
        if value not in (None, ()) and info.data.get("names") == (EVERYTHING,):
            raise broken_rule('must not stand beside property: "*", which means every property', "Use a row of its own")
        return value

    @field_validator("left_out")
    @classmethod
    def _of_all(cls, left_out: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if left_out and "names" in info.data and info.data["names"] != (EVERYTHING,):
            raise broken_rule('must stand beside property: "*"', 'Add property: "*", or remove except')
        return left_out

    @property
    def is_everything(self) -> bool:
        return self.names == (EVERYTHING,)

    @property
    def keys(self) -> tuple[str, ...]:
        """Where its value goes: the field in Iterable, and the keys inside of it."""
        if self.rename:
            return parse_target(self.rename)
        return (self.path[0].name if self.path else (self.names or ("",))[0],)

    @property
    def target(self) -> str:
        """The field's name in Iterable."""
        return self.keys[0]

    def paths(self, scope: str) -> tuple[Path, ...]:
        """Where the value is, for a row of a list whose bare names live in `scope`."""
        if self.names:
            return tuple(Path(scope, name) for name in self.names)
        return _in_item(self.path or ()) if scope == ITEM else self.path or ()

    def source(self, scope: str, handling: Handling) -> Source:
        """`handling`: of its section."""
        own = handling._replace(on_error=self.on_error or handling.on_error, nulls=self.nulls or handling.nulls)
        each = self.each.selection(ITEM, handling) if self.each else None
        source = source_of(self.paths(scope), self, own, each)
        if scope != ITEM or not source.template:
            return source
        parts = tuple(_in_item([part])[0] if isinstance(part, Path) else part for part in source.template.parts)
        return source.with_template(source.template._replace(parts=parts))


def _in_item(paths: Any) -> tuple[Path, ...]:
    """Among the rows of an `each` what has no scope, and is none, is a key of the item."""
    return tuple(path if path.scope or _is_scope(path) else Path(ITEM, path.name) for path in paths)


def _is_scope(path: Path) -> bool:
    return not path.scope and path.name in SCOPES


def _read_property(value: Any) -> Any:
    if isinstance(value, str):
        return {"property": value}
    check_row(value, PropertyRow, SOURCES)
    if isinstance(value, dict | PropertyRow):
        return value
    remedy = "Write a name; put it in quotes if YAML reads it as something else"
    raise broken_rule("must be a property's name, or a mapping with property or path", remedy)


_PropertyName = Annotated[str, Field(min_length=1, description='The whole name of the property; "*": all.')]
PropertyRowOrName = Annotated[
    PropertyRow, BeforeValidator(_read_property, json_schema_input_type=_PropertyName | PropertyRow)
]


class PropertyList(Section):
    """The properties of one scope that are sent: all of them (`everything`: "*" alone), or the rows."""

    everything: bool = False
    rows: tuple[PropertyRowOrName, ...] = ()

    @field_validator("rows")
    @classmethod
    def _all_once(cls, rows: tuple[PropertyRow, ...]) -> tuple[PropertyRow, ...]:
        if sum(row.is_everything for row in rows) > 1:
            raise broken_rule('must not hold "*" twice', "Remove one")
        return rows

    @property
    def brings_all(self) -> bool:
        return self.everything or any(row.is_everything for row in self.rows)

    @property
    def listed(self) -> Iterator[tuple[int, PropertyRow]]:
        """The rows but for "*", with their place in the list."""
        return ((place, row) for place, row in enumerate(self.rows) if not row.is_everything)

    def selection(self, scope: str, handling: Handling) -> PropertySelection:
        """`scope`: of its bare names; `handling`: of its section."""
        rows = tuple(FieldMapping(row.source(scope, handling), row.target, row.keys[1:]) for _, row in self.listed)
        all_row = next((row for row in self.rows if row.is_everything), None)
        of_all = handling._replace(nulls=all_row.nulls or handling.nulls) if all_row else handling
        left_out = frozenset(all_row.left_out) if all_row else frozenset[str]()
        return PropertySelection(rows, scope if self.brings_all else "", left_out, of_all)


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
PropertyRow.model_rebuild()
PropertyList.model_rebuild()
