"""What the worker does if one of Azure's services can't be used."""
