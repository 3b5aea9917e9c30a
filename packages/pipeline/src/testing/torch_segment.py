# A network of PyTorch applied as somebody would who knows nothing of Glisson, for torch-network.test.ts.
#
# Arguments: a NIfTI file, the .onnx file to export to, a file for the labels (uint8, x fastest, on the file's own grid).
# nibabel's RAS arrays, slice by slice with its neighbours, window -160 to 240 to 0..1, mean 0.4, sd 0.25; liver where
# liver and lesion together reach 0.62, lesion where lesion reaches 0.34.
import sys
import warnings

import nibabel as nib
import numpy as np
import torch
from nibabel import orientations

warnings.filterwarnings('ignore')
scan, model_file, labels_file = sys.argv[1:]
torch.manual_seed(5)
network = torch.nn.Sequential(
    torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.BatchNorm2d(8), torch.nn.ReLU(),
    torch.nn.Conv2d(8, 8, 3, padding=2, dilation=2), torch.nn.LeakyReLU(),
    torch.nn.Conv2d(8, 3, 1),
).eval()
with torch.no_grad():
    network[5].weight *= 4
torch.onnx.export(network, torch.zeros(1, 3, 8, 8), model_file, opset_version=11, input_names=['x'], output_names=['y'],
                  dynamic_axes={'x': {0: 'batch', 2: 'rows', 3: 'columns'}, 'y': {0: 'batch', 2: 'rows', 3: 'columns'}})

image = nib.load(scan)
volume = nib.as_closest_canonical(image).get_fdata()
scaled = ((np.clip(volume, -160, 240) + 160) / 400 - 0.4) / 0.25
labels = np.zeros(volume.shape, np.uint8)
last = volume.shape[2] - 1
for k in range(last + 1):
    if not (volume[:, :, k] > -160).any():
        continue
    stack = np.stack([scaled[:, :, min(max(k + offset, 0), last)] for offset in (-1, 0, 1)])
    with torch.no_grad():
        p = torch.softmax(network(torch.tensor(stack[None], dtype=torch.float32)), 1)[0].numpy()
    labels[:, :, k] = np.where(p[1] + p[2] >= 0.62, np.where(p[2] >= 0.34, 2, 1), 0)
canonical = orientations.axcodes2ornt('RAS')
back = orientations.ornt_transform(canonical, orientations.io_orientation(image.affine))
with open(labels_file, 'wb') as file:
    file.write(orientations.apply_orientation(labels, back).astype(np.uint8).tobytes(order='F'))
