"""The charts of `docs/performance.md`, as SVG."""

import math
from html import escape
from pathlib import Path

from bench.goals import spread
from bench.run import CLIENTS, Measured

_COLOURS = {"Keyless": "#0b6", "no-op route": "#888", "bare SDK": "#06c", "obvious way": "#c33"}
_WIDTH, _HEIGHT, _LEFT, _TOP = 640, 320, 120, 40


def write(folder: Path, measured: Measured) -> None:
    """Write the chart of throughput against clients, and the ladder from the obvious way to the ceilings."""
    rates = {name: [_rate(measured, name, clients) for clients in CLIENTS] for name in _COLOURS}
    (folder / "bench-clients.svg").write_text(_lines(rates))
    (folder / "bench-ladder.svg").write_text(_ladder({name: figures[-1] for name, figures in rates.items()}))


def _rate(measured: Measured, name: str, clients: int) -> float:
    return spread(result.rate for result in measured.accepted[name, clients]).median


def _lines(rates: dict[str, list[float]]) -> str:
    """Draw a line for each name over the clients. Both axes are logarithmic."""
    largest = 10 ** math.ceil(math.log10(max(map(max, rates.values()))))

    def x(clients: int) -> float:
        return _LEFT + (_WIDTH - 2 * _LEFT) * math.log(clients) / math.log(CLIENTS[-1])

    def y(rate: float) -> float:
        least = 0.1
        return _TOP + (_HEIGHT - 2 * _TOP) * (1 - math.log(max(rate, least) / least) / math.log(largest / least))

    parts = [_text(_LEFT, 20, "orders accepted a second, by the number of clients")]
    for power in range(-1, round(math.log10(largest)) + 1):
        height = y(10**power)
        parts.append(f'<path d="M{_LEFT} {height:.0f}H{_WIDTH - _LEFT}" stroke="#ddd"/>')
        parts.append(_text(_LEFT - 8, height + 4, f"{10**power:,g}", "end"))
    parts += [_text(x(clients), _HEIGHT - 16, str(clients), "middle") for clients in CLIENTS]
    for name, figures in rates.items():
        points = " ".join(f"{x(c):.0f},{y(rate):.0f}" for c, rate in zip(CLIENTS, figures, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{_COLOURS[name]}" stroke-width="2"/>')
        parts.append(_text(x(CLIENTS[-1]) + 8, y(figures[-1]) + 4, name, colour=_COLOURS[name]))
    return _svg(parts)


def _ladder(rates: dict[str, float]) -> str:
    """Draw a bar for each name, the shortest first."""
    largest = max(rates.values())
    parts = [_text(_LEFT, 20, f"orders accepted a second, {CLIENTS[-1]} clients")]
    for step, (name, rate) in enumerate(sorted(rates.items(), key=lambda item: item[1])):
        top = _TOP + step * 60
        width = (_WIDTH - 2 * _LEFT) * rate / largest
        parts.append(f'<rect x="{_LEFT}" y="{top}" width="{width:.0f}" height="36" fill="{_COLOURS[name]}"/>')
        parts.append(_text(_LEFT - 8, top + 23, name, "end"))
        parts.append(_text(_LEFT + width + 8, top + 23, f"{rate:,.0f}"))
    return _svg(parts)


def _text(x: float, y: float, text: str, anchor: str = "start", colour: str = "#555") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'


def _svg(parts: list[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
    return head + 'font-size="13">\n' + "\n".join(parts) + "\n</svg>\n"
