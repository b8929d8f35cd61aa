"""What a query took, in the `x-ms-documentdb-query-metrics` header of a client that asks for it.

https://learn.microsoft.com/azure/cosmos-db/nosql/query-metrics. The times that a single process has no use for, such
as that of index look-ups, are 0.
"""

import time
from collections.abc import Callable, Iterator

from localcloud.cosmos.state import Item

_UNMEASURED = (
    "queryLogicalPlanBuildTimeInMs",
    "queryPhysicalPlanBuildTimeInMs",
    "queryOptimizationTimeInMs",
    "indexLookupTimeInMs",
    "documentLoadTimeInMs",
    "systemFunctionExecuteTimeInMs",
    "userFunctionExecuteTimeInMs",
    "writeOutputTimeInMs",
)


class QueryMetrics:
    """Measures one page of a query, from its making on."""

    def __init__(self) -> None:
        self._begun = time.perf_counter()
        self._compiled = self._begun
        self._documents = 0
        self._bytes = 0

    def compiled(self) -> None:
        """Note that the query's text is read."""
        self._compiled = time.perf_counter()

    def counting(self, scan: Callable[[int], Iterator[Item]]) -> Callable[[int], Iterator[Item]]:
        """Pass the items on, and count each when it is read."""

        def counted(after: int) -> Iterator[Item]:
            for item in scan(after):
                self._documents += 1
                self._bytes += len(item.body)
                yield item

        return counted

    def header(self, rows: list[str]) -> str:
        """Write the header's value for a page of these rows."""
        ended = time.perf_counter()
        measured = {
            "totalExecutionTimeInMs": f"{(ended - self._begun) * 1000:.2f}",
            "queryCompileTimeInMs": f"{(self._compiled - self._begun) * 1000:.2f}",
            "VMExecutionTimeInMs": f"{(ended - self._compiled) * 1000:.2f}",
            **dict.fromkeys(_UNMEASURED, "0.00"),
            "retrievedDocumentCount": str(self._documents),
            "retrievedDocumentSize": str(self._bytes),
            "outputDocumentCount": str(len(rows)),
            "outputDocumentSize": str(sum(map(len, rows))),
            "indexUtilizationRatio": "0.00",
        }
        return ";".join(f"{name}={value}" for name, value in measured.items())
