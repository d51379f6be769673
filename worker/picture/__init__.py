"""The picture of a report: source and dub one above the other, line by line. Pure: plain values in, SVG out."""

from worker.picture.page import columns_of, picture

__all__ = ["columns_of", "picture"]
