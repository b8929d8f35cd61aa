# What the production profile deploys. Every value here is made up, and nothing is ever deployed from this file.
profile   = "production"
location  = "westeurope"
suffix    = "a1b2c"
deployers = [{ principal_id = "00000000-0000-0000-0000-0000000000d0", principal_type = "User" }]
