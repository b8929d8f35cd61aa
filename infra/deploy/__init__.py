"""Deploys the application to Azure, tests it there, and takes it away again: `make deploy` and its siblings.

Every tool (`az`, `terraform`, `kubectl`, `kubelogin`) is started with a list of arguments; secrets go to it through its
environment or its standard input, never in that list, a file or a line that is printed.
"""
