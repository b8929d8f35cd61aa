"""Messages as they are encoded, for what the SDK can't decode or would encode in another way."""
