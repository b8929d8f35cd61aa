"""AKS's identity bindings in the local cluster: the API server's address, and the token proxy that answers there."""
