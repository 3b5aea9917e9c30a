import { InvalidArgumentError, Option } from 'commander';
import type { ExplainOptions } from '../explain/explain-options.ts';
import { positiveInteger, window } from '../options.ts';
import { UsageError } from '../terminal/error-report.ts';
import type { Verb } from '../verb.ts';

export const explain: Verb<ExplainOptions> = {
  name: 'explain',
  arguments: '<what> <path> [scan]',
  summary: 'Show what a sliding window sees, what a network costs, and what a patch is judged by',
  description:
    'explain windows SCAN draws one slice: cut into blocks with their shares of body, liver and lesion, the middles of the ' +
    'windows at their stride, and some patches with their labels. explain network NAME prints the layers of a network ' +
    '(vgg16, resnet18, patch-small, ... or a trained model): shapes, receptive fields, parameters, and what judging all ' +
    'windows of a slice costs patch by patch and all at once. explain patch MODEL SCAN draws a heat map of one patch: ' +
    'where it is what the model goes by. explain dense MODEL SCAN judges slices all at once and patch by patch, and ' +
    'says how the two differ.',
  options: [
    new Option(
      '--patch <pixels>',
      'windows, network: side of a patch (default: 257, of patch-small 65)',
    ).argParser(positiveInteger),
    new Option(
      '--stride <pixels>',
      'windows, network, dense: from window to window (default: 8, or what the model was trained for)',
    ).argParser(positiveInteger),
    new Option(
      '--slice <number>',
      'windows: which slice, from 1 (default: the one with the most lesion)',
    ).argParser(positiveInteger),
    new Option('--slices <numbers>', 'dense: which slices, from 1, for example 10,20,30 or 10-20').argParser(
      sliceNumbers,
    ),
    new Option('--blocks <RxC>', 'windows: rows and columns of blocks')
      .default([4, 4], '4x4')
      .argParser(blocks),
    new Option('--labels <file>', 'windows, dense, patch: labelmap of the scan (1 liver, 2 lesion)'),
    new Option(
      '--model <path>',
      'windows: RUN folder or model.onnx of a classifier of patches; adds its probabilities and mask',
    ),
    new Option(
      '--window <low,high>',
      'windows: HU that are black and white (default: -160,240, or the range of the model)',
    ).argParser(window),
    new Option(
      '--at <x,y,slice>',
      'patch: its middle pixel, from the upper left corner of the slice as it is drawn, and the number of the slice',
    ).argParser(place),
    new Option('--method <name>', 'patch: how the heat map is made (default: occlusion)').choices([
      'occlusion',
      'grad-cam',
    ]),
    new Option('--cover <pixels>', 'patch: side of what covers (default: an eighth of the patch)').argParser(
      positiveInteger,
    ),
    new Option(
      '--threshold <share>',
      'dense: probability from which a pixel is lesion (default: that of the model)',
    ).argParser(share),
    new Option(
      '--out <path>',
      'windows, patch: a .png; of windows also a folder for the picture, its numbers and the patches',
    ),
    new Option('--force', 'windows, patch: replace what is there'),
    new Option('--head <kind>', 'network: of vgg, linear layers 4096 wide or one on means').choices([
      'fc',
      'pooled',
    ]),
    new Option('--padding <kind>', 'network: zeros around every map, or none').choices(['same', 'valid']),
    new Option('--side <pixels>', 'network: side of the slices before padding (default: 512)').argParser(
      positiveInteger,
    ),
  ],
  examples: [
    {
      command:
        'glisson explain windows phantoms/phantom-1-001/dicom --labels phantoms/phantom-1-001/truth.nii.gz --out windows.png',
      meaning: 'the 16 blocks of a slice, with labels',
    },
    {
      command: 'glisson explain network vgg16 --stride 8',
      meaning: 'layers and cost of VGG16 on patches of 257',
    },
    { command: 'glisson explain network vgg16 --head pooled --json', meaning: 'for a program' },
    {
      command: 'glisson explain patch runs/patches scan.nii.gz --at 210,180,57 --out heat.png',
      meaning: 'what the patch around a pixel is judged by',
    },
    {
      command: 'glisson explain dense runs/resnet scan.nii.gz --slices 50,60,70 --labels truth.nii.gz',
      meaning: 'what judging whole slices at once changes',
    },
  ],
  async run([what, path, scan], options, context) {
    const takesScan = what === 'patch' || what === 'dense';
    if (takesScan && scan === undefined) {
      throw new UsageError(`explain ${what} needs a model and a scan: glisson explain ${what} MODEL SCAN`);
    }
    if (!takesScan && scan !== undefined) {
      throw new UsageError(`explain ${what} takes one path, found "${path}" and "${scan}".`);
    }
    switch (what) {
      case 'network':
        return (await import('../explain/explain-network.ts')).network(path!, options);
      case 'windows':
        return (await import('../explain/explain-windows.ts')).windows(path!, options, context);
      case 'patch':
        return (await import('../explain/explain-patch.ts')).patch(path!, scan!, options, context);
      case 'dense':
        return (await import('../explain/explain-dense.ts')).dense(path!, scan!, options, context);
      default:
        throw new UsageError(
          `Expected "windows", "network", "patch" or "dense" after explain, found "${what}".`,
        );
    }
  },
};

function blocks(text: string): [number, number] {
  const parts = text.split('x').map(Number);
  if (parts.length !== 2 || !parts.every((n) => Number.isInteger(n) && n > 0 && n <= 64)) {
    throw new InvalidArgumentError('Expected rows x columns, each from 1 to 64, for example 4x4.');
  }
  return parts as [number, number];
}

function place(text: string): [number, number, number] {
  const parts = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (parts.length !== 3 || !parts.every((n) => Number.isInteger(n) && n >= 0) || parts[2]! < 1) {
    throw new InvalidArgumentError(
      'Expected x,y,slice: two pixels from 0 and a slice number from 1, for example 210,180,57.',
    );
  }
  return parts as [number, number, number];
}

/** `10,20,30-32`, in order and each once. */
function sliceNumbers(text: string): number[] {
  const found = new Set<number>();
  for (const part of text.split(',')) {
    const [first, last = first] = part.split('-').map(Number) as [number, number?];
    const isRange =
      /^\s*\d+\s*(-\s*\d+\s*)?$/.test(part) && first >= 1 && last! >= first && last! - first < 5000;
    if (!isRange)
      throw new InvalidArgumentError('Expected slice numbers from 1, for example 10,20,30 or 10-20.');
    for (let slice = first; slice <= last!; slice++) found.add(slice);
  }
  return [...found].sort((a, b) => a - b);
}

function share(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1)) {
    throw new InvalidArgumentError('Expected a number from 0 to 1.');
  }
  return value;
}
