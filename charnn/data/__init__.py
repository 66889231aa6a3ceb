"""From text to batches: vocabulary, corpus, tokenised files, windows."""
