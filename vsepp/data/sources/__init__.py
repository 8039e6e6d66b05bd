"""Where photographs come from (folders, archives, tables, the net), and which is which image."""
