"""Deploy the application to Azure, test it there, and delete it: `make deploy`, `make smoke`, `make destroy`.

Each tool (`az`, `terraform`, `kubectl`, `kubelogin`) is started with a list of arguments. Secrets go to it through its
environment or its standard input, never in that list, a file or a printed line.
"""
