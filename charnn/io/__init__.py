"""Bytes on disk and in streams: texts, checkpoints' containers, arrays read where they lie."""
