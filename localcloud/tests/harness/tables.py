"""The tables of the documentation. A row whose first cell is empty goes on with the row above."""


def rows(text: str) -> list[list[str]]:
    """Return the cells of each row in the text, heads included; the cells of one that goes on are joined by a blank."""
    found: list[list[str]] = []
    for line in text.splitlines():
        if not line.startswith("| "):
            continue
        cells = [cell.strip() for cell in line.strip()[1:-1].split("|")]
        if cells[0] or not found:
            found.append(cells)
        else:
            found[-1] = [f"{above} {more}".strip() for above, more in zip(found[-1], cells, strict=True)]
    return found
