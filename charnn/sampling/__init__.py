"""The verb sample: drawing symbols step by step."""
