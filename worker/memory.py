"""Memory that was freed goes back to the system, where the C library would keep it for the next who asks."""

import ctypes


def give_back() -> None:
    """Return what is free on the heap; nothing happens where the C library is not glibc."""
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)
