"""What decides: the access model, the tokens that are verified, the guard that asks both, and the trail."""
