/** What a SOP class is, as far as a reader of scans cares (PS3.4 annex B, PS3.6). */
export interface ObjectKind {
  readonly name: string;
  /** Whether objects of it can be slices of a scan. */
  readonly isScan: boolean;
}

const storage = '1.2.840.10008.5.1.4.1.1.';

const kinds: Readonly<Record<string, ObjectKind>> = {
  '2': { name: 'CT image', isScan: true },
  '2.1': { name: 'Enhanced CT image', isScan: true },
  '2.2': { name: 'Legacy Converted Enhanced CT image', isScan: true },
  '4': { name: 'MR image', isScan: true },
  '4.1': { name: 'Enhanced MR image', isScan: true },
  '4.4': { name: 'Legacy Converted Enhanced MR image', isScan: true },
  '128': { name: 'PET image', isScan: true },
  '128.1': { name: 'Legacy Converted Enhanced PET image', isScan: true },
  '130': { name: 'Enhanced PET image', isScan: true },
  '20': { name: 'Nuclear medicine image', isScan: true },
  '7': { name: 'Secondary capture', isScan: true },
  '7.1': { name: 'Secondary capture, multi-frame, 1 bit', isScan: true },
  '7.2': { name: 'Secondary capture, multi-frame, grey 8 bit', isScan: true },
  '7.3': { name: 'Secondary capture, multi-frame, grey 16 bit', isScan: true },
  '7.4': { name: 'Secondary capture, multi-frame, colour', isScan: true },
  '66.4': { name: 'Segmentation', isScan: false },
  '66.7': { name: 'Label map segmentation', isScan: false },
  '66.1': { name: 'Spatial registration', isScan: false },
  '66.5': { name: 'Surface segmentation', isScan: false },
  '66': { name: 'Raw data', isScan: false },
  '67': { name: 'Real world value mapping', isScan: false },
  '30': { name: 'Parametric map', isScan: false },
  '481.1': { name: 'RT image', isScan: false },
  '481.2': { name: 'RT dose', isScan: false },
  '481.3': { name: 'RT structure set', isScan: false },
  '481.5': { name: 'RT plan', isScan: false },
  '481.8': { name: 'RT ion plan', isScan: false },
  '11.1': { name: 'Presentation state', isScan: false },
  '104.1': { name: 'Encapsulated PDF', isScan: false },
  '77.1.6': { name: 'Whole slide microscopy image', isScan: false },
  '91.1': { name: 'Microscopy bulk simple annotations', isScan: false },
  '1': { name: 'Computed radiography image', isScan: true },
  '1.1': { name: 'Digital X-ray image', isScan: true },
  '1.1.1': { name: 'Digital X-ray image', isScan: true },
  '6.1': { name: 'Ultrasound image', isScan: true },
  '3.1': { name: 'Ultrasound multi-frame image', isScan: true },
  '12.1': { name: 'X-ray angiography image', isScan: true },
};

/** Looks up a SOP class; unknown classes may be scans if they hold pixels. */
export function objectKind(sopClassUid: string | undefined, modality: string | undefined): ObjectKind {
  if (sopClassUid === '1.2.840.10008.1.3.10') return { name: 'directory (DICOMDIR)', isScan: false };
  if (sopClassUid === undefined) {
    return { name: `object without SOP class${modality ? ` (${modality})` : ''}`, isScan: true };
  }
  if (sopClassUid.startsWith(storage)) {
    const short = sopClassUid.slice(storage.length);
    const known = kinds[short];
    if (known !== undefined) return known;
    if (short.startsWith('88.')) return { name: 'Structured report', isScan: false };
    if (short.startsWith('9.')) return { name: 'Waveform', isScan: false };
    if (short.startsWith('11.')) return { name: 'Presentation state', isScan: false };
  }
  return { name: `object of SOP class ${sopClassUid}`, isScan: true };
}
