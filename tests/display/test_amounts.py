"""Numbers as texts, over their whole range: never an exponent, short, in order, and the unit right at its borders."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import bench
import vnetlearn
from vnetlearn.display.amounts import SIZES, TIMES, duration, milliseconds, size, value
from vnetlearn.journey.ladder import since

DAY = 24 * 3600 * 10**9
FORM = re.compile(r"-?\d+(\.\d*[1-9])?")


def read(text: str, units: tuple[tuple[str, int], ...]) -> float:
    number, unit = text.split(" ")
    assert FORM.fullmatch(number), text
    return float(number) * dict(units)[unit]


@given(st.integers(0, 10 * DAY), st.integers(0, 10 * DAY))
@example(999_999, 1_000_000)
@example(999_499, 999_500)
@example(999_999_999, 10**9)
@example(1_000_000_000, 1_000_000_001)
def test_a_time_is_short_right_and_in_order(a: int, b: int) -> None:
    low, high = sorted((a, b))
    first, second = duration(low), duration(high)
    assert read(first, TIMES) <= read(second, TIMES)
    assert len(first) <= 8
    assert abs(read(first, TIMES) - low) <= low / 199
    assert first.endswith(" s") or float(first.split()[0]) < 1000


@given(st.integers(0, 1 << 49), st.integers(0, 1 << 49))
@example((1 << 20) - 1, 1 << 20)
@example(1023 * 1024 + 600, 1 << 20)
def test_a_size_is_short_right_and_in_order(a: int, b: int) -> None:
    low, high = sorted((a, b))
    first, second = size(low), size(high)
    assert read(first, SIZES) <= read(second, SIZES)
    assert len(first) <= 8
    assert abs(read(first, SIZES) - low) <= low / 199


@given(st.floats(0, 1e12), st.floats(0, 1e12))
def test_a_measured_value_is_short_right_and_in_order(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert FORM.fullmatch(value(low))
    assert len(value(low)) <= 13
    assert float(value(low)) <= float(value(high))
    assert abs(float(value(low)) - low) <= max(low / 199, 1e-9)
    assert re.fullmatch(r"\d+\.\d{3}", milliseconds(low))


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (1000, "1 µs"),
        (999_499, "999 µs"),
        (999_500, "1 ms"),
        (999_999, "1 ms"),
        (12_345, "12.3 µs"),
        (1_500_000, "1.5 ms"),
        (99_950_000, "100 ms"),
        (999_999_500, "1 s"),
        (10**9, "1 s"),
        (1_004_000_000, "1 s"),
        (1_006_000_000, "1.01 s"),
        (75 * 10**9, "75 s"),
        (3600 * 10**9, "3600 s"),
    ],
)
def test_the_unit_is_right_at_its_borders(ns: int, text: str) -> None:
    assert duration(ns) == text
    assert since(ns) == f"+{text}"


def test_values_of_a_table() -> None:
    assert [value(one) for one in (0, 0.2, 0.00123, 4.5, 99.96, 1234.5, 1.5e6)] == [
        *("0", "0.2", "0.00123", "4.5", "100", "1234", "1500000"),
    ]
    assert [size(one) for one in (200, 1536, 100_000, 128 << 20)] == ["200 B", "1.5 KiB", "97.7 KiB", "128 MiB"]


def test_nobody_else_chooses_how_many_digits_a_number_has() -> None:
    """Elsewhere in the package, a format with a point or an exponent stands only where its text is not a figure's."""
    allowed = {"amounts.py": {".{}f"}, "values.py": {".3f"}}  # of a kind's parameter, as the real ip writes it
    for folder in (*vnetlearn.__path__, *bench.__path__):
        for file in Path(folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.FormattedValue) and isinstance(node.format_spec, ast.JoinedStr):
                    spec = "".join(
                        str(p.value) if isinstance(p, ast.Constant) else "{}" for p in node.format_spec.values
                    )
                    whole = not re.search(r"[eEgGn%]|\.(?!0f)", spec)
                    assert whole or spec in allowed.get(file.name, ()), f"{file}:{node.lineno}: {spec}"
