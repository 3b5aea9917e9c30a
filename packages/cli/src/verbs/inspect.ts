import { Option } from 'commander';
import type { Verb } from '../verb.ts';

interface InspectOptions {
  readonly html?: string;
  readonly force?: boolean;
}

export const inspect: Verb<InspectOptions> = {
  name: 'inspect',
  arguments: '<path>',
  summary: 'What is in a file or folder of scans: studies, series, geometry, labels, problems',
  description:
    'Takes a DICOM file, folder or zip, a NIfTI, NRRD or MetaImage file, or the folder of a dataset\n' +
    '(LiTS, Medical Segmentation Decathlon, 3D-IRCADb, a CSV of image,label,patient, phantoms).\n' +
    'Ends with exit code 1 when something cannot be used as it is.',
  options: [
    new Option('--html <file>', 'also write a page with slices, histogram and explanations'),
    new Option('--force', 'replace the page if it is there'),
  ],
  examples: [
    { command: 'glisson inspect scans', meaning: 'list what a folder holds' },
    { command: 'glisson inspect scans --html scans.html', meaning: 'the same as a page to look at, offline' },
    { command: 'glisson inspect patient1.zip --json', meaning: 'for a program' },
  ],
  async run(_args, _options, _context) {
    throw new Error('not there yet');
  },
};
