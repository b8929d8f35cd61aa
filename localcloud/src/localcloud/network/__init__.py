"""What listens: the TLS listener, the forward proxy that leads to it, and the certificates."""
