"""The networks that everything is measured on: known architectures with synthetic weights at published densities.

Here and not in the host package, because a board has no use for them: they are input of the evaluation, as the benches are.

    layers.py          what a layer is; shapes, weights and multiplies of a list of layers
    architectures.py   AlexNet, VGG16, MobileNet v1 and v2, ResNet-18 as such lists
    densities.yaml     published densities of their weights and activations, with sources; read by densities.py
    images.py          synthetic images with the statistics of natural ones
    synthesis.py       weights and biases, layer by layer, so that the densities come out
    float_onnx.py      the result as a float ONNX model
    build.py           all of it: float model, quantised model, input image, measured densities
"""
