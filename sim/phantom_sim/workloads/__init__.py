"""What designs are compared on: layers as masks of their nonzero weights and activations.

No design needs the values; so nothing is trained, and no model is built.

    layer.py      a layer's masks, and what can be counted on them without any design
    spread.py     how different the densities of filters and channels of one layer are; random masks
    networks.py   VGG16, MobileNet and the rest of the zoo at published densities, from a seed
    model.py      the same from a quantised ONNX model and an image
"""
