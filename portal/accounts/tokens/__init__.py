"""Access tokens: their form, their scopes, and who calls with one."""
