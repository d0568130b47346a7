"""Assets: styles, scripts and pictures, at addresses that change with their bytes."""
