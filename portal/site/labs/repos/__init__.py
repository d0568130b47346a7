"""Models of a lab: the list, a new one, the settings of one."""
