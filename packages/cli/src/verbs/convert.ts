import { Option } from 'commander';
import type { ConvertOptions } from '../convert/convert-image.ts';
import { spacing, window } from '../options.ts';
import type { Verb } from '../verb.ts';

export const convert: Verb<ConvertOptions> = {
  name: 'convert',
  arguments: '<in> <out>',
  summary: 'Convert a scan or labelmap to another format, optionally resampled or windowed',
  description:
    'The ending of <out> chooses the format: .nii, .nii.gz, .nrrd, .mha, .mhd; any other name is a folder ' +
    'and needs --to. Values stay Hounsfield units and the grid stays where it is in the patient. ' +
    'PNG slices are pictures only: 0001.png is the lowest, and neither scale nor place is in them.',
  options: [
    new Option('--to <format>', 'what a folder is filled with').choices(['png', 'dicom']),
    new Option('--series <uid>', 'which series, when <in> holds several'),
    new Option('--labels', '<in> is a labelmap: whole numbers 0 to 255, nearest-neighbour resampling'),
    new Option('--spacing <x,y,z>', 'resample to this voxel spacing in mm').argParser(spacing),
    new Option(
      '--window <low,high>',
      'HU range: clips volumes; for PNG the range from black to white (default -160,240)',
    ).argParser(window),
    new Option('--force', 'replace what is there'),
  ],
  examples: [
    { command: 'glisson convert study scan.nii.gz', meaning: 'a DICOM series to NIfTI' },
    {
      command: 'glisson convert study slices --to png --window -160,240',
      meaning: 'slices as 8-bit pictures',
    },
    { command: 'glisson convert scan.nii.gz coarse.mha --spacing 1,1,5', meaning: 'resample' },
    {
      command: 'glisson convert labels.nii.gz labels.nrrd --labels --force',
      meaning: 'a labelmap, over an older file',
    },
  ],
  async run([input, output], options, { control, note }) {
    const { convertImage } = await import('../convert/convert-image.ts');
    const done = await convertImage(input!, output!, options, control);
    for (const finding of done.findings) note(`${finding.severity}: ${finding.message}`);
    return { json: done, text: `Wrote ${done.output}: ${done.describes}` };
  },
};
