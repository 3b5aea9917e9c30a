"""Peer of the reading benchmark: a folder of CT slices to one array in Hounsfield units, with pydicom.

Prints {"ms": ..., "shape": ..., "checksum": ..., "versions": ...}; imports and process start are not timed.
"""
import glob
import json
import os
import sys
import time

import numpy
import pydicom


def read(folder):
    slices = [pydicom.dcmread(path) for path in glob.glob(os.path.join(folder, "*"))]
    normal = numpy.cross(slices[0].ImageOrientationPatient[:3], slices[0].ImageOrientationPatient[3:])
    slices.sort(key=lambda s: float(numpy.dot(normal, s.ImagePositionPatient)))
    return numpy.stack(
        [
            (s.pixel_array * float(s.RescaleSlope) + float(s.RescaleIntercept)).astype(numpy.int16)
            for s in slices
        ]
    )


start = time.perf_counter()
voxels = read(sys.argv[1])
ms = (time.perf_counter() - start) * 1000
print(
    json.dumps(
        {
            "ms": ms,
            "shape": voxels.shape,
            "checksum": int(voxels.astype(numpy.int64).sum()),
            "versions": {"pydicom": pydicom.__version__, "numpy": numpy.__version__},
        }
    )
)
