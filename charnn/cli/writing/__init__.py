"""How `charnn sample` writes: as text comes, sample by sample, or in answer to what is typed."""
