"""``python -m bench [accept|memory|idle|backlog|checks]``: run benchmarks, print tables, keep the figures as JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from bench import checks
from bench.accept import compare
from bench.backlog import fifty_thousand
from bench.idle import ten_thousand_idle
from bench.memory import fifty_large

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Run what was asked for, or everything."""
    wanted = sys.argv[1:] or ["accept", "memory", "idle", "backlog", "checks"]
    results: dict[str, list[dict[str, object]]] = {}
    if "accept" in wanted:
        results["accept"] = compare()
    if "memory" in wanted:
        results["memory"] = [fifty_large()]
    if "idle" in wanted:
        results["idle"] = ten_thousand_idle()
    if "backlog" in wanted:
        results["backlog"] = [fifty_thousand()]
    if "checks" in wanted:
        results |= checks.compare()
    for name, rows in results.items():
        print(f"\n{name}")
        show(rows)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{time.strftime('%Y%m%d-%H%M%S')}.json").write_text(json.dumps(results, indent=2))


def show(rows: list[dict[str, object]]) -> None:
    """Rows as aligned columns."""
    lines = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[number]) for line in lines) for number in range(len(lines[0]))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
