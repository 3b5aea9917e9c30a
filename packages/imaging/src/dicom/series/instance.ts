import { ImagingError } from '../../errors/imaging-error.ts';
import type { Vec3 } from '../../geometry/geometry.ts';
import {
  type DataSet,
  readItems,
  readNumber,
  readNumbers,
  readString,
  readStrings,
  readText,
  readUint16,
  readUint16s,
  readUint32,
} from '../parse/data-set.ts';
import type { DicomFile } from '../parse/dicom-file.ts';
import { tags } from '../parse/tags.ts';
import type { ModalityTransform } from '../pixels/modality-transform.ts';
import { assertPixelsComplete, describePixels, type PixelDescription } from '../pixels/pixel-description.ts';
import type { SourceEntry } from '../source/entries.ts';

/** An image object whose header was read; its pixels are still in the file. */
export interface Instance {
  readonly entry: SourceEntry;
  readonly sopClassUid: string;
  readonly sopInstanceUid?: string;
  readonly studyUid: string;
  readonly seriesUid: string;
  readonly modality: string;
  readonly pixels: PixelDescription;
  readonly frames: readonly Plane[];
  readonly padding?: { readonly value: number; readonly limit?: number };
  /** Why the pixels cannot be used, when the header alone shows it (cut off, unsupported). */
  readonly pixelProblem?: ImagingError;
  readonly remarks: readonly string[];
}

/** One frame of an instance, where it lies and how its values are to be read. */
export interface Plane {
  readonly instance: Instance;
  readonly frame: number;
  readonly position?: Vec3;
  /** Direction cosines of a row (toward higher columns), then of a column. */
  readonly orientation?: readonly number[];
  /** mm between rows, then between columns (the order of the tag). */
  readonly pixelSpacing?: readonly [number, number];
  readonly transform: ModalityTransform;
  readonly imageType: readonly string[];
  readonly frameOfReferenceUid?: string;
  /** What tells apart acquisitions that share a series, in the order in which it is tried. */
  readonly partition: Readonly<Record<PartitionKey, string>>;
  readonly sliceThickness?: number;
  readonly spacingBetweenSlices?: number;
  readonly gantryTilt?: number;
  readonly reconstructionDiameter?: number;
}

export const partitionKeys = [
  'acquisition',
  'temporal position',
  'stack',
  'echo',
  'kernel',
  'image type',
] as const;
export type PartitionKey = (typeof partitionKeys)[number];

/** What a person asks of a series; texts decoded by the character set. */
export interface SeriesDetails {
  readonly patientId?: string;
  readonly patientName?: string;
  readonly patientSex?: string;
  readonly patientAge?: string;
  readonly patientBirthDate?: string;
  readonly studyDate?: string;
  readonly studyId?: string;
  readonly studyDescription?: string;
  readonly seriesNumber?: string;
  readonly seriesDescription?: string;
  readonly protocolName?: string;
  readonly bodyPart?: string;
  readonly contrastAgent?: string;
  readonly manufacturer?: string;
  readonly model?: string;
  readonly institution?: string;
  readonly kernel?: string;
  readonly kvp?: number;
  readonly sliceThicknessMm?: number;
  readonly spacingBetweenSlicesMm?: number;
  readonly gantryTiltDegrees?: number;
  readonly frameOfReferenceUid?: string;
}

export function readSeriesDetails(dataSet: DataSet): SeriesDetails {
  return {
    patientId: readText(dataSet, tags.patientId),
    // Empty parts of a name (`=`, `^`) are kept between others, not at its end.
    patientName: readText(dataSet, tags.patientName)?.replace(/[=^]+$/, ''),
    patientSex: readString(dataSet, tags.patientSex),
    patientAge: readString(dataSet, tags.patientAge),
    patientBirthDate: readString(dataSet, tags.patientBirthDate),
    studyDate: readString(dataSet, tags.studyDate),
    studyId: readText(dataSet, tags.studyId),
    studyDescription: readText(dataSet, tags.studyDescription),
    seriesNumber: readString(dataSet, tags.seriesNumber),
    seriesDescription: readText(dataSet, tags.seriesDescription),
    protocolName: readText(dataSet, tags.protocolName),
    bodyPart: readString(dataSet, tags.bodyPartExamined),
    contrastAgent: readText(dataSet, tags.contrastBolusAgent),
    manufacturer: readText(dataSet, tags.manufacturer),
    model: readText(dataSet, tags.manufacturerModelName),
    institution: readText(dataSet, tags.institutionName),
    kernel: readStrings(dataSet, tags.convolutionKernel).join('\\') || undefined,
    kvp: readNumber(dataSet, tags.kvp),
    sliceThicknessMm: readNumber(dataSet, tags.sliceThickness),
    spacingBetweenSlicesMm: readNumber(dataSet, tags.spacingBetweenSlices),
    gantryTiltDegrees: readNumber(dataSet, tags.gantryTilt),
    frameOfReferenceUid: readString(dataSet, tags.frameOfReferenceUid),
  };
}

/** Reads an image object's header; undefined when it holds no pixels. Keeps nothing of the bytes. */
export function readInstance(file: DicomFile, entry: SourceEntry, fileSize: number): Instance | undefined {
  const { dataSet } = file;
  const pixels = describePixels(file, entry.name);
  if (pixels === undefined) return undefined;
  const frames: Plane[] = [];
  const padding = readUint16(dataSet, tags.pixelPaddingValue);
  const instance: Instance = {
    entry,
    sopClassUid: readString(dataSet, tags.sopClassUid) ?? file.mediaStorageSopClassUid ?? '',
    sopInstanceUid: readString(dataSet, tags.sopInstanceUid),
    studyUid: readString(dataSet, tags.studyInstanceUid) ?? '',
    seriesUid: readString(dataSet, tags.seriesInstanceUid) ?? '',
    modality: readString(dataSet, tags.modality) ?? '',
    pixels,
    frames,
    padding:
      padding === undefined
        ? undefined
        : { value: padding, limit: readUint16(dataSet, tags.pixelPaddingRangeLimit) },
    pixelProblem: findPixelProblem(pixels, fileSize, entry.name),
    remarks: file.remarks,
  };
  if (instance.pixelProblem !== undefined) {
    // The number of frames may be as wrong as the rest: one plane stands for all.
    frames.push(readPlane(instance, dataSet, 0));
    return instance;
  }
  const shared = readItems(dataSet, tags.sharedFunctionalGroupsSequence)[0];
  const perFrame = readItems(dataSet, tags.perFrameFunctionalGroupsSequence);
  if (shared === undefined && perFrame.length === 0) {
    const plane = readPlane(instance, dataSet, 0);
    for (let frame = 0; frame < pixels.frames; frame++) frames.push({ ...plane, frame });
    return instance;
  }
  for (let frame = 0; frame < pixels.frames; frame++) {
    frames.push(readFunctionalGroups(instance, dataSet, shared, perFrame[frame], frame));
  }
  return instance;
}

function findPixelProblem(d: PixelDescription, fileSize: number, where: string): ImagingError | undefined {
  if (d.syntax.compression === 'unsupported') {
    return new ImagingError('unsupported', 'The pixels are compressed in a way that cannot be read.', {
      where,
      found: d.syntax.name,
      advice:
        'Export the series uncompressed (Explicit VR Little Endian), or convert it with gdcmconv --raw.',
    });
  }
  // A compressed frame takes a fragment of 8 bytes at least, and no scan has a million frames.
  const mostFrames = Math.min(1_000_000, d.length < 0 && !d.syntax.deflated ? fileSize / 8 : Infinity);
  if (d.frames > mostFrames) {
    return new ImagingError('damaged', 'The number of frames cannot be true.', {
      where,
      found: `${d.frames} frames in ${fileSize} bytes`,
    });
  }
  if (d.syntax.deflated || d.length < 0 || !Number.isFinite(fileSize)) return undefined;
  try {
    assertPixelsComplete(d, fileSize - d.offset, where);
    return undefined;
  } catch (error) {
    return error as ImagingError;
  }
}

/** Geometry and values of a classic object, from its top level. */
function readPlane(instance: Instance, dataSet: DataSet, frame: number): Plane {
  const text = (tag: number) => readStrings(dataSet, tag).join('\\');
  const imageType = readStrings(dataSet, tags.imageType);
  return {
    instance,
    frame,
    position: readVector(dataSet, tags.imagePositionPatient),
    orientation: readOrientation(dataSet),
    pixelSpacing: readSpacing(dataSet),
    transform: readTransform(dataSet),
    imageType,
    frameOfReferenceUid: readString(dataSet, tags.frameOfReferenceUid),
    partition: {
      acquisition: text(tags.acquisitionNumber),
      'temporal position': text(tags.temporalPositionIdentifier),
      stack: '',
      echo: text(tags.echoNumbers),
      kernel: text(tags.convolutionKernel),
      'image type': imageType.join('\\'),
    },
    sliceThickness: readNumber(dataSet, tags.sliceThickness),
    spacingBetweenSlices: readNumber(dataSet, tags.spacingBetweenSlices),
    gantryTilt: readNumber(dataSet, tags.gantryTilt),
    reconstructionDiameter: readNumber(dataSet, tags.reconstructionDiameter),
  };
}

/** Geometry and values of one frame of an enhanced object: per-frame groups first, then shared ones (PS3.3 C.7.6.16). */
function readFunctionalGroups(
  instance: Instance,
  dataSet: DataSet,
  shared: DataSet | undefined,
  own: DataSet | undefined,
  frame: number,
): Plane {
  const group = (tag: number): DataSet | undefined =>
    (own && readItems(own, tag)[0]) ?? (shared && readItems(shared, tag)[0]);
  const measures = group(tags.pixelMeasuresSequence);
  const position = group(tags.planePositionSequence);
  const orientation = group(tags.planeOrientationSequence);
  const values = group(tags.pixelValueTransformationSequence);
  const content = group(tags.frameContentSequence);
  const frameType = group(tags.ctImageFrameTypeSequence);
  const imageType = readStrings(frameType ?? dataSet, frameType ? tags.frameType : tags.imageType);
  return {
    instance,
    frame,
    position: position && readVector(position, tags.imagePositionPatient),
    orientation: orientation && readOrientation(orientation),
    pixelSpacing: measures && readSpacing(measures),
    transform: readTransform(values ?? dataSet),
    imageType,
    frameOfReferenceUid: readString(dataSet, tags.frameOfReferenceUid),
    partition: {
      acquisition: String((content && readUint16(content, tags.frameAcquisitionNumber)) ?? ''),
      'temporal position': String((content && readUint32(content, tags.temporalPositionIndex)) ?? ''),
      stack: (content && readString(content, tags.stackId)) ?? '',
      echo: '',
      kernel: '',
      'image type': imageType.join('\\'),
    },
    sliceThickness: measures && readNumber(measures, tags.sliceThickness),
    spacingBetweenSlices: measures && readNumber(measures, tags.spacingBetweenSlices),
    gantryTilt: readNumber(dataSet, tags.gantryTilt),
    reconstructionDiameter: readNumber(dataSet, tags.reconstructionDiameter),
  };
}

function readVector(dataSet: DataSet, tag: number): Vec3 | undefined {
  const values = readNumbers(dataSet, tag);
  return values.length === 3 && values.every(Number.isFinite) ? (values as unknown as Vec3) : undefined;
}

function readOrientation(dataSet: DataSet): number[] | undefined {
  const values = readNumbers(dataSet, tags.imageOrientationPatient);
  return values.length === 6 && values.every(Number.isFinite) ? values : undefined;
}

/** Pixel Spacing only: Imager Pixel Spacing is measured at the detector, not in the patient. */
function readSpacing(dataSet: DataSet): readonly [number, number] | undefined {
  const values = readNumbers(dataSet, tags.pixelSpacing);
  if (values.length !== 2 || !values.every((v) => Number.isFinite(v) && v > 0)) return undefined;
  return values as unknown as [number, number];
}

function readTransform(dataSet: DataSet): ModalityTransform {
  const lut = readItems(dataSet, tags.modalityLutSequence)[0];
  if (lut !== undefined) {
    const [entries, first, bits] = readUint16s(lut, tags.lutDescriptor);
    const data = readUint16s(lut, tags.lutData);
    if (entries === undefined || first === undefined || bits === undefined || data.length === 0) {
      throw new ImagingError('damaged', 'The Modality LUT is incomplete.', { where: '(0028,3000)' });
    }
    return { slope: 1, intercept: 0, stated: false, lut: { first, values: data } };
  }
  const slope = readNumber(dataSet, tags.rescaleSlope);
  const intercept = readNumber(dataSet, tags.rescaleIntercept);
  if (slope === 0) {
    throw new ImagingError('damaged', 'Rescale Slope is 0, which would erase the image.', {
      where: '(0028,1053)',
    });
  }
  return {
    slope: slope ?? 1,
    intercept: intercept ?? 0,
    stated: slope !== undefined && intercept !== undefined,
    type: readString(dataSet, tags.rescaleType),
  };
}
