# What the reference implementation of ONNX makes of models, for check-onnx.ts.
#
# stdin: JSON lines {"file", "sizes"}: a model, and numbers for the names of its open sizes.
# stdout: JSON lines {"name": [sizes]} of every value whose shape inference works out from the inputs alone; a size that
# stays open is null. Ends with an error when the checker or strict inference refuses a model.
import json
import sys

import onnx
from onnx import checker, helper, numpy_helper, shape_inference

# Version 18 moved the axes of these from an attribute to an input, and changed nothing else. Debian's onnx knows 17.
MOVED = {'ReduceMax', 'ReduceMin', 'ReduceMean', 'ReduceProd', 'ReduceSumSquare', 'ReduceL1', 'ReduceL2', 'ReduceLogSum',
         'ReduceLogSumExp'}


def as_version_17(model):
    for opset in model.opset_import:
        if opset.domain == '' and opset.version == 18:
            opset.version = 17
            constants = {tensor.name: tensor for tensor in model.graph.initializer}
            for node in model.graph.node:
                if node.op_type in MOVED and node.domain == '' and len(node.input) > 1:
                    axes = numpy_helper.to_array(constants[node.input[1]])
                    node.attribute.append(helper.make_attribute('axes', [int(axis) for axis in axes]))
                    del node.input[1]


def sizes_of(value):
    dims = value.type.tensor_type.shape.dim
    return [dim.dim_value if dim.HasField('dim_value') else None for dim in dims]


for line in sys.stdin:
    request = json.loads(line)
    model = onnx.load(request['file'])
    as_version_17(model)
    for value in list(model.graph.input) + list(model.graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in request['sizes']:
                dim.dim_value = request['sizes'][dim.dim_param]
    checker.check_model(model, full_check=True)
    # Without what the model says itself, so that only what is inferred comes out. Inference does not read the input of
    # MaxUnpool that says how large its output is.
    given = {name for node in model.graph.node if node.op_type == 'MaxUnpool' for name in node.output}
    kept = [value for value in model.graph.value_info if value.name in given]
    del model.graph.value_info[:]
    model.graph.value_info.extend(kept)
    for value in model.graph.output:
        value.type.tensor_type.ClearField('shape')
    inferred = shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    values = list(inferred.graph.value_info) + list(inferred.graph.output)
    print(json.dumps({value.name: sizes_of(value) for value in values if value.type.tensor_type.HasField('shape')}))
