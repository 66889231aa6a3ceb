"""The verb inspect: gradients by lag, spectra, saturation, finite differences."""
