"""The data platform: recordings become a catalogue of tapes and Parquet tables."""

from flyball.research.data.catalogue import Catalogue, data

__all__ = ["Catalogue", "data"]
