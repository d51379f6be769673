"""Who speaks: voices told apart by their sound alone, with no cloud and no download."""
