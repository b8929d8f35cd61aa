"""`make run` and `make demo`: start the local cloud with the application, and place orders as a customer."""
