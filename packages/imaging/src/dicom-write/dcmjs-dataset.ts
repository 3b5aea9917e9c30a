// @ts-expect-error dcmjs brings no types; `DcmjsWriter` names what is used.
import dcmjs from 'dcmjs';

/** One element in dcmjs' own form. */
export interface DatasetElement {
  readonly vr: string;
  readonly Value: readonly unknown[];
}

/** Elements by tag, eight upper-case hexadecimal digits; dcmjs writes them in the order of their tags. */
export type Dataset = Record<string, DatasetElement>;

/** What we use of dcmjs, which brings no types. */
interface DcmjsWriter {
  readonly data: {
    readonly DicomDict: new (
      meta: Dataset,
    ) => {
      dict: Dataset;
      write(options: { readonly fragmentMultiframe: boolean }): ArrayBuffer;
    };
  };
}

/** The UID of this writer (a constant UUID of ours). */
export const implementationClassUid = '2.25.131803146312064219187231460184730925221';

/** A whole DICOM file, Explicit VR Little Endian, with preamble and file meta information (PS3.10). */
export function encodeDicomFile(dataset: Dataset, sopClassUid: string, sopInstanceUid: string): Uint8Array {
  const meta: Dataset = {
    // dcmjs leaves the version out, which PS3.10 requires.
    '00020001': { vr: 'OB', Value: [new Uint8Array([0, 1]).buffer] },
    '00020002': { vr: 'UI', Value: [sopClassUid] },
    '00020003': { vr: 'UI', Value: [sopInstanceUid] },
    '00020010': { vr: 'UI', Value: ['1.2.840.10008.1.2.1'] },
    '00020012': { vr: 'UI', Value: [implementationClassUid] },
    '00020013': { vr: 'SH', Value: ['GLISSON'] },
  };
  const file = new (dcmjs as unknown as DcmjsWriter).data.DicomDict(meta);
  file.dict = dataset;
  return new Uint8Array(file.write({ fragmentMultiframe: false }));
}
