"""Decodes DICOM files with pydicom and GDCM and leaves the values for compare-dicom.mjs.

Reads one path a line from standard input; writes one JSON line a file to standard output. Values go to
files of float64 or of the stored type in the folder given as the only argument. Each file is decoded in a
process of its own (fork), because native decoders may crash on broken files.
"""

import json
import os
import signal
import sys
import warnings

import gdcm
import numpy
import pydicom
from pydicom.pixel_data_handlers.util import apply_modality_lut

warnings.simplefilter("ignore")


def save(array, path):
    array = numpy.ascontiguousarray(array)
    array = array.astype(array.dtype.newbyteorder("<"))
    array.tofile(path)
    return {"file": path, "type": array.dtype.kind + str(array.dtype.itemsize), "shape": list(array.shape)}


def by_pydicom(path, out):
    ds = pydicom.dcmread(path, force=True)
    if not any(name in ds for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        return {"error": "no pixels"}
    stored = ds.pixel_array
    result = {"stored": save(stored, out + ".pydicom.stored")}
    result["samples"] = int(ds.get("SamplesPerPixel", 1))
    if result["samples"] == 1 and stored.dtype.kind in "iu":
        if "PerFrameFunctionalGroupsSequence" in ds and "RescaleSlope" not in ds:
            return result
        result["values"] = save(apply_modality_lut(stored, ds).astype("f8"), out + ".pydicom.values")
    return result


GDCM_TYPES = {
    gdcm.PixelFormat.UINT8: "u1",
    gdcm.PixelFormat.INT8: "i1",
    gdcm.PixelFormat.UINT12: "u2",
    gdcm.PixelFormat.INT12: "i2",
    gdcm.PixelFormat.UINT16: "u2",
    gdcm.PixelFormat.INT16: "i2",
    gdcm.PixelFormat.UINT32: "u4",
    gdcm.PixelFormat.INT32: "i4",
    gdcm.PixelFormat.FLOAT32: "f4",
    gdcm.PixelFormat.FLOAT64: "f8",
    gdcm.PixelFormat.SINGLEBIT: "bit",
}


def by_gdcm(path, out):
    reader = gdcm.ImageReader()
    reader.SetFileName(path)
    if not reader.Read():
        return {"error": "GDCM cannot read it"}
    image = reader.GetImage()
    kind = GDCM_TYPES.get(image.GetPixelFormat().GetScalarType())
    if kind is None:
        return {"error": "a scalar type unknown here"}
    raw = image.GetBuffer().encode("utf-8", errors="surrogateescape")
    if kind == "bit":
        count = 1
        for axis in range(image.GetNumberOfDimensions()):
            count *= image.GetDimension(axis)
        stored = numpy.unpackbits(numpy.frombuffer(raw, "u1"), bitorder="little")[:count]
    else:
        stored = numpy.frombuffer(raw, "<" + kind)
    result = {"stored": save(stored, out + ".gdcm.stored")}
    result["samples"] = image.GetPixelFormat().GetSamplesPerPixel()
    # For RT dose GDCM scales by Dose Grid Scaling, which is not the Modality LUT that is compared here.
    is_dose = reader.GetFile().GetDataSet().FindDataElement(gdcm.Tag(0x3004, 0x000E))
    if result["samples"] == 1 and kind != "bit" and not is_dose:
        values = stored.astype("f8") * image.GetSlope() + image.GetIntercept()
        result["values"] = save(values, out + ".gdcm.values")
    return result


def in_child(decode, path, out):
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        signal.alarm(60)
        try:
            result = decode(path, out)
        except Exception as error:  # a peer's failure is a result, too
            result = {"error": f"{type(error).__name__}: {error}"[:200]}
        with os.fdopen(write_end, "w") as pipe:
            json.dump(result, pipe)
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if text == "":
        return {"error": f"crashed (status {status})"}
    return json.loads(text)


def main():
    out = sys.argv[1]
    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()
    for number, line in enumerate(sys.stdin):
        path = line.rstrip("\n")
        base = os.path.join(out, str(number))
        line = {"path": path, "pydicom": in_child(by_pydicom, path, base), "gdcm": in_child(by_gdcm, path, base)}
        print(json.dumps(line), flush=True)


main()
