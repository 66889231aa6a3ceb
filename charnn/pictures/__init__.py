"""Pictures as SVG, drawn from plain numbers and texts: legible on light and on dark pages, without a dependency."""
