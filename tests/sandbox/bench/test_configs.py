# SPDX-License-Identifier: Apache-2.0
from pipeline.config.to_rules import rules_of
from pipeline.sandbox.bench.configs import EMAIL_PROJECT, EVERYTHING, loaded, with_rows
from pipeline.sandbox.bench.events import rows
from transforms.mapping.translate import translate
from transforms.model.items import Message


def test_every_config_sends_every_event() -> None:
    """What is dropped takes less: it would be no measure."""
    messages = [Message(line, {}, str(number), 0.0) for number, line in enumerate(rows(100))]

    for config in (EVERYTHING, EMAIL_PROJECT, with_rows(5, 5), with_rows(50, 5), with_rows(5, 50)):
        rules = rules_of(loaded(config))
        assert all(len(translate(rules, message).items) == 1 for message in messages)


def test_a_config_has_as_many_rows_and_properties_as_it_is_to_have() -> None:
    config = loaded(with_rows(50, 500))

    assert (len(config.send_events.events), len(config.send_events.event_properties.rows)) == (50, 500)
