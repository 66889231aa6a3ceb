"""Networks of a source and a target: encoders, decoders, attention between them, classifiers."""
