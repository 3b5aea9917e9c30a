import { Option } from 'commander';
import type { SegmentOptions } from '../segment/segment-scans.ts';
import type { Verb } from '../verb.ts';

export const segment: Verb<SegmentOptions> = {
  name: 'segment',
  arguments: '<in>',
  summary: 'Outline and measure liver lesions in one scan or a folder of scans',
  description:
    'Writes, for each scan: black-and-white masks, a labelmap on the grid of the scan, a table of lesions, ' +
    'an overview picture, a report to scroll through, and how it all came about. ' +
    'Several scans each get a folder of their own. A network that somebody else made runs by a plan file ' +
    '(docs/how-to/run-a-foreign-onnx-model.md). Research use only, not a medical device.',
  options: [
    new Option('--out <folder>', 'where the results go').makeOptionMandatory(),
    new Option(
      '--model <run>',
      'folder of a training run, or its model.onnx; of a foreign network, the .onnx file or the plan that names it',
    ).makeOptionMandatory(),
    new Option('--plan <file>', 'how to run a foreign network: its plan.json'),
    new Option('--series <uid>', 'only this DICOM series'),
    new Option(
      '--liver <file>',
      'a mask of the liver (values other than 0) on the grid of the scan, for networks that look for lesions only',
    ),
    new Option('--force', 'replace results that are there'),
  ],
  examples: [
    {
      command: 'glisson segment study --out result --model runs/first',
      meaning: 'a DICOM study; then open result/report.html',
    },
    {
      command: 'glisson segment scan.nii.gz --out result --model runs/first/model.onnx --json',
      meaning: 'a NIfTI file, lesions as JSON',
    },
    {
      command: 'glisson segment scans --out results --model runs/first',
      meaning: 'every scan of a folder, one result folder each',
    },
    {
      command: 'glisson segment study --out result --model theirs.onnx --plan theirs.json',
      meaning: 'with a network of somebody else',
    },
  ],
  async run([path], options, context) {
    const { renderSegmentReport, segmentScans } = await import('../segment/segment-scans.ts');
    const report = await segmentScans(path!, options, context);
    return {
      json: report,
      text: renderSegmentReport(report),
      exitCode: report.failed.length > 0 ? 1 : 0,
    };
  },
};
