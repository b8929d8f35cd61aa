"""Workers come with the orders and go after them, and no order is lost on the way."""

import pytest

from demo.load import load


@pytest.mark.counted
@pytest.mark.quick
def test_every_order_has_its_receipt_while_workers_come_and_go() -> None:
    """`make load`: from no worker to several and back to none, with a verified receipt for each order."""
    numbers = load(150)
    assert numbers[0] == numbers[-1] == 0
    assert max(numbers) > 1
