"""The laptop's run: starts the local cloud with the application on it, and places orders as a customer would."""
