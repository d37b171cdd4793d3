"""Scores rows by onnxruntime and compares with what tidewatch said of them; for tests/onnx.rs.

Each folder that is named holds model.onnx, its inputs (NAME.f32 for numbers, NAME.i64 for whole ones, NAME.txt for texts, row by row) and what was
expected (NAME.f64). Prints a JSON object a folder: the rows, and the largest difference of each output.
"""

import json
import pathlib
import sys

import numpy
import onnxruntime


def given(folder, wanted):
    """An input of the model, from its file."""
    shape = [-1, *wanted.shape[1:]]
    if wanted.type == "tensor(string)":
        lines = (folder / f"{wanted.name}.txt").read_text().split("\n")[:-1]
        return numpy.array(lines, dtype=object).reshape(shape)
    kind, dtype = ("i64", "<i8") if wanted.type == "tensor(int64)" else ("f32", "<f4")
    return numpy.fromfile(folder / f"{wanted.name}.{kind}", dtype=dtype).reshape(shape)


def compare(folder):
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    inputs = {wanted.name: given(folder, wanted) for wanted in [*session.get_inputs(), *session.get_overridable_initializers()]}
    outputs = dict(zip((output.name for output in session.get_outputs()), session.run(None, inputs)))
    result = {"rows": len(outputs["score"])}
    for file in sorted(folder.glob("*.f64")):
        ours = numpy.fromfile(file, dtype="<f8").reshape(outputs[file.stem].shape)
        result[file.stem] = float(numpy.abs(outputs[file.stem] - ours).max())
    return result


for name in sys.argv[1:]:
    print(json.dumps(compare(pathlib.Path(name))))
