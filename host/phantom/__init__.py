"""Host package of Phantom: from a quantised network to streams for the accelerator, and back to checked results.

The path of the data reads off the modules: `network` describes a quantised network, `reference` computes it exactly,
`compress` and `expand` translate tensors to and from the activation stream, `weight_stream` packs the weights, and
`check` compares results. Formats: docs/stream-format.md.
"""

__version__ = "0.1.0"
