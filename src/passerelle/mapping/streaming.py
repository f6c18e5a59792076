"""How the collector of cycles behaves while records stream through."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG, _MIDDLE, _OLD = 50_000, 20, 50


@contextmanager
def seldom_collected() -> Iterator[None]:
    """The collector comes seldom inside the block, and as before behind it.

    Trees of resources are allocated by the hundred and make no cycles; counting references frees them. With the
    usual thresholds the collector walks through them again and again, and finds nothing.
    """
    before = gc.get_threshold()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
    try:
        yield
    finally:
        gc.set_threshold(*before)
