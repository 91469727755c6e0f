# SPDX-License-Identifier: Apache-2.0
"""What a config makes of dead letters as it is now, before any is sent. Knows no source and no Iterable."""

from collections import Counter
from collections.abc import Iterator

from transforms.dead_letters.letter import DL_REASON, only_part
from transforms.iterable.operations import BY_PART
from transforms.mapping.translate import Rules, Translation, translate
from transforms.model.items import Message, Select
from transforms.model.outcomes import DEAD_LETTERED, DROPPED
from transforms.model.reasons import of_kind

_REASONS = of_kind(DEAD_LETTERED)


class ReplayOutlook:
    """Passes on which letters are taken, and counts what becomes of each: it is sent, dropped, or as bad as it was.

    Args:
      rules: of the config.
      take: which letters are taken, and how they go.
    """

    def __init__(self, rules: Rules, take: Select) -> None:
        self._rules = rules
        self._take = take
        self.sent = 0
        self.dropped: Counter[str] = Counter()  # by reason
        self.still_bad: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()  # by Iterable, whatever the config

    def take(self, letter: Message) -> Message | None:
        taken = self._take(letter)
        if taken:
            self._add(taken, translate(self._rules, taken))
        return taken

    def _add(self, letter: Message, translation: Translation) -> None:
        """Of a letter that makes two items the better fate counts."""
        if translation.items:
            if _is_refused(letter):
                self.refused[letter.attributes[DL_REASON]] += 1
            else:
                self.sent += 1
            return
        ended = {outcome.kind: str(outcome.reason) for outcome in translation.outcomes}
        if reason := ended.get(DEAD_LETTERED):
            self.still_bad[reason] += 1
        else:
            self.dropped[ended[DROPPED]] += 1

    def describe(self) -> str:
        """Lines under those of what is taken."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{'Would be sent now':<28} {self.sent:>9,}"
        for title, reasons in (
            ("Refused again by Iterable", self.refused),
            ("Would be dropped", self.dropped),
            ("Still bad with this config", self.still_bad),
        ):
            if reasons:
                yield f"{title:<28} {reasons.total():>9,}"
                for reason, count in reasons.most_common():
                    yield f"  {reason:<50} {count:>9,}"


def _is_refused(letter: Message) -> bool:
    """Whether nothing that could be mended makes Iterable take it."""
    reason, operation = _REASONS.get(letter.attributes[DL_REASON]), BY_PART.get(only_part(letter) or "")
    is_final = reason is not None and reason.is_final and "delivery" in reason.stages
    return is_final and not (operation and operation.so_already == reason)
