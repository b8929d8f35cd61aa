"""`make lab`: breaks one link of the chain in an application of its own, says first what will happen, and mends it."""
