"""How it is measured: memory, the worker's log, parts alone, tables."""
