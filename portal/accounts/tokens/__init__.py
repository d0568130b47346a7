"""Access tokens: their format, their scopes, and the caller who presents one."""
