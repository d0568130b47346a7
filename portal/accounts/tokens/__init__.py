"""Access tokens: their form, their scopes, and the caller who presents one."""
