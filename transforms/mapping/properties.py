"""Which properties of an event are sent, under which name and type. Knows neither users nor tracks."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from transforms.amplitude.paths import MISSING, Path, look_up
from transforms.mapping.conversions import convert
from transforms.model import reasons
from transforms.model.errors import RejectedError
from transforms.model.reasons import Note


class FieldMapping(NamedTuple):
    """One listed property: where it is, its name in Iterable, and one of conversions.TYPES or None (as it is)."""

    path: Path
    target: str
    type: str | None = None


class PropertySelection(NamedTuple):
    """The listed properties and, for "*", the scope that is sent whole."""

    rows: tuple[FieldMapping, ...]
    everything_in: str = ""

    def listed_in(self, scope: str) -> frozenset[str]:
        """The names of that scope that have rows of their own."""
        return frozenset(path.name for path, _, _ in self.rows if path.scope == scope)

    def selects_any(self, scope: str, names: Iterable[str], reserved: frozenset[str] = frozenset()) -> bool:
        """Whether one of the properties `names` of that scope is to send; `reserved`: see select_properties."""
        if self.everything_in == scope and not reserved.issuperset(names):
            return True
        return not self.listed_in(scope).isdisjoint(names)


def note_unknown(
    selections: Iterable[PropertySelection],
    unknown: Mapping[str, Sequence[str]],
    note: Note,
    reserved: frozenset[str] = frozenset(),
) -> None:
    """Note the operators of `unknown` (see KnownProperties) that leave a user property to send without a value."""
    for operator, names in unknown.items():
        if any(selection.selects_any("user_properties", names, reserved) for selection in selections):
            note(reasons.not_expressible(operator))


def select_properties(
    selection: PropertySelection, row: Mapping[str, Any], reserved: frozenset[str], note: Note
) -> dict[str, Any]:
    """The selected properties that `row` has, by their names in Iterable; one that is null stays null.

    Under "*" a property goes under its own name, except the `reserved` ones, which are noted as reserved_field, and
    those with a row of their own, which go as it says. A row's name goes before an equal name under "*".

    Raises:
      RejectedError: unconvertible_property.
    """
    selected: dict[str, Any] = {}
    if selection.everything_in:
        selected = _everything_in(selection, row, reserved, note)
    for path, target, type_name in selection.rows:
        value = look_up(row, path)
        if value is not MISSING:
            selected[target] = value if type_name is None else _converted(value, path, type_name)
    return selected


def _everything_in(
    selection: PropertySelection, row: Mapping[str, Any], reserved: frozenset[str], note: Note
) -> dict[str, Any]:
    listed = selection.listed_in(selection.everything_in)
    selected: dict[str, Any] = {}
    for name, value in row.get(selection.everything_in, {}).items():
        if name in listed:
            continue
        if name in reserved:
            note(reasons.RESERVED_FIELD)
        else:
            selected[name] = value
    return selected


def _converted(value: Any, path: Path, type_name: str) -> Any:
    try:
        return convert(value, type_name)
    except ValueError:
        raise RejectedError(reasons.UNCONVERTIBLE_PROPERTY, f"{path} as {type_name}") from None
