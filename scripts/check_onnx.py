#!/usr/bin/env python3
"""Compares an ONNX model in ONNX Runtime with logits that were computed elsewhere.

check_onnx.py MODEL.onnx EXPECTED.safetensors [--tolerance 1e-3]

EXPECTED holds fp32 `images` [N, 3, S, S] and `logits` [N, C]. The images go through the model one
by one and all at once. Prints the largest absolute difference; exits with 1 above the tolerance,
with 77 where onnxruntime or numpy is not installed.
"""

import argparse
import json
import struct
import sys

try:
    import numpy as np
    import onnxruntime
except ImportError:
    print("onnxruntime and numpy are needed")
    sys.exit(77)


def read_fp32(path, name):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        entry = json.loads(file.read(length))[name]
        begin, end = entry["data_offsets"]
        file.seek(8 + length + begin)
        return np.frombuffer(file.read(end - begin), "<f4").reshape(entry["shape"])


def check_interface(session, images, logits):
    (given,), (result,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.shape) == ("images", ["batch", *images.shape[1:]]), (
        given.name,
        given.shape,
    )
    assert (result.name, result.shape) == ("logits", ["batch", *logits.shape[1:]]), (
        result.name,
        result.shape,
    )
    metadata = session.get_modelmeta().custom_metadata_map
    assert len(json.loads(metadata["classes"])) == logits.shape[1]
    assert json.loads(metadata["preprocess"])["crop"] == images.shape[-1]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("expected")
    parser.add_argument("--tolerance", type=float, default=1e-3)
    arguments = parser.parse_args()

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        arguments.model, options, providers=["CPUExecutionProvider"]
    )
    images, logits = (
        read_fp32(arguments.expected, "images"),
        read_fp32(arguments.expected, "logits"),
    )
    check_interface(session, images, logits)

    one_by_one = np.concatenate(
        [session.run(["logits"], {"images": image[None]})[0] for image in images]
    )
    at_once = session.run(["logits"], {"images": images})[0]
    largest = max(np.abs(one_by_one - logits).max(), np.abs(at_once - logits).max())
    print(
        f"{len(images)} images, largest difference {largest:.2e}, largest logit "
        f"{np.abs(logits).max():.2f}"
    )
    sys.exit(0 if largest <= arguments.tolerance else 1)


if __name__ == "__main__":
    main()
