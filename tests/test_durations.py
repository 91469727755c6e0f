import pytest

from pipeline.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("20s", 20.0), ("5m", 300.0), ("4h", 14_400.0), ("2d", 172_800.0), ("1.5h", 5_400.0), ("0.5s", 0.5), ("0s", 0.0)],
)
def test_a_number_and_a_unit_is_a_duration(text: str, seconds: float) -> None:
    """s, m, h and d count seconds; decimals are fine."""
    parsed = parse_duration(text)

    assert seconds == parsed


@pytest.mark.parametrize(
    "text", ["", "5", "s", "500ms", "-5m", "5 m", "5M", "1e3s", ".5s", "5.s", "5m\n", "٥m", "1h30m"]
)
def test_anything_else_is_refused(text: str) -> None:
    """The message says what to write."""
    with pytest.raises(ValueError, match="is no duration: write a number followed by s, m, h or d"):
        parse_duration(text)
