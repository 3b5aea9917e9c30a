import { InvalidArgumentError, Option } from 'commander';
import { positiveInteger, window } from '../options.ts';
import { UsageError } from '../terminal/error-report.ts';
import type { Verb, VerbContext, VerbResult } from '../verb.ts';

interface ExplainOptions {
  readonly patch?: number;
  readonly stride?: number;
  readonly slice?: number;
  readonly blocks: readonly [number, number];
  readonly labels?: string;
  readonly model?: string;
  readonly window?: { readonly low: number; readonly high: number };
  readonly out?: string;
  readonly force?: boolean;
  readonly head?: 'pooled' | 'fc';
  readonly padding?: 'same' | 'valid';
  readonly side?: number;
}

export const explain: Verb<ExplainOptions> = {
  name: 'explain',
  arguments: '<what> <path>',
  summary: 'Show how a sliding window cuts a slice, or what the layers of a network see and cost',
  description:
    'explain windows SCAN draws one slice: cut into blocks with their shares of body, liver and lesion, the middles of the ' +
    'windows at their stride, and some patches with their labels. explain network NAME prints the layers of a network ' +
    '(vgg16, resnet18, patch-small, ... or a trained model): shapes, receptive fields, parameters, and what judging all ' +
    'windows of a slice costs patch by patch and all at once.',
  options: [
    new Option('--patch <pixels>', 'side of a patch (default: 257, of patch-small 65)').argParser(
      positiveInteger,
    ),
    new Option(
      '--stride <pixels>',
      'from window to window (default: 8, or what the model was trained for)',
    ).argParser(positiveInteger),
    new Option(
      '--slice <number>',
      'windows: which slice, from 1 (default: the one with the most lesion)',
    ).argParser(positiveInteger),
    new Option('--blocks <RxC>', 'windows: rows and columns of blocks')
      .default([4, 4], '4x4')
      .argParser(blocks),
    new Option('--labels <file>', 'windows: labelmap of the scan (1 liver, 2 lesion)'),
    new Option(
      '--model <path>',
      'windows: RUN folder or model.onnx of a classifier of patches; adds its probabilities and mask',
    ),
    new Option(
      '--window <low,high>',
      'windows: HU that are black and white (default: -160,240, or the range of the model)',
    ).argParser(window),
    new Option('--out <path>', 'windows: a .png, or a folder for the picture, its numbers and the patches'),
    new Option('--force', 'windows: replace what is there'),
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
  ],
  async run([what, path], options, context) {
    if (what === 'network') return network(path!, options);
    if (what === 'windows') return windows(path!, options, context);
    throw new UsageError(`Expected "windows" or "network" after explain, found "${what}".`);
  },
};

async function network(source: string, options: ExplainOptions): Promise<VerbResult> {
  const { explainNetwork } = await import('@glisson/pipeline/explain/explain-network');
  const { networkText } = await import('@glisson/pipeline/explain/network-text');
  const { renderTable } = await import('../terminal/table.ts');
  const { head, padding, side, patch, stride } = options;
  const explanation = await explainNetwork(source, {
    ...(stride !== undefined && { stride }),
    ...(patch !== undefined && { patch }),
    ...(head !== undefined && { head }),
    ...(padding !== undefined && { padding }),
    ...(side !== undefined && { slice: side }),
  });
  const { header, rows, sentences } = networkText(explanation);
  return { json: explanation, text: [renderTable(header, rows), '', ...sentences].join('\n') };
}

async function windows(path: string, options: ExplainOptions, context: VerbContext): Promise<VerbResult> {
  const { control, note } = context;
  const { out, force, labels: labelsPath, slice } = options;
  const [rows, columns] = options.blocks;
  if (out === undefined) throw new UsageError('explain windows needs --out, a .png or a folder.');
  const { assertMayWriteFile, assertMayWriteFolder, writeFileWhole, writeFolderWhole } = await import(
    '@glisson/imaging/files/whole-files'
  );
  const { windowsFacts, windowsFiles, writeWindowsFolder } = await import(
    '@glisson/pipeline/explain/write-windows'
  );
  const isFile = out.toLowerCase().endsWith('.png');
  const mayReplace = force === true && windowsFiles;
  if (isFile) assertMayWriteFile(out, force === true);
  else await assertMayWriteFolder(out, mayReplace);
  const { readScan } = await import('@glisson/imaging/scan/read-scan');
  const { readLabelmap } = await import('@glisson/imaging/scan/read-labelmap');
  const { labelmapOnGrid } = await import('@glisson/imaging/scan/labelmap-on-grid');
  const { explainWindows } = await import('@glisson/pipeline/explain/explain-windows');
  const { drawWindows } = await import('@glisson/pipeline/explain/windows-picture');
  const { judgeSlice, loadPatchModel } = await import('@glisson/pipeline/explain/judge-slice');
  const model = options.model === undefined ? undefined : await loadPatchModel(options.model);
  const patch = options.patch ?? model?.plan.training.patchSize ?? 257;
  const stride = options.stride ?? model?.plan.inference.outputStride ?? 8;
  const [low, high] = model?.plan.preprocess.windowHU ?? [-160, 240];
  const windowHU = options.window ?? { low, high };
  const { volume } = await readScan(path, {}, control);
  const labels =
    labelsPath === undefined
      ? undefined
      : labelmapOnGrid(await readLabelmap(labelsPath, {}, control), volume.geometry, [path, labelsPath]);
  const explained = explainWindows(volume, labels, {
    rows,
    columns,
    patch,
    stride,
    windowHU,
    paddingHU: windowHU.low,
    ...(slice !== undefined && { slice }),
  });
  const judgement =
    model &&
    (await judgeSlice(volume, explained.slice, model, labels, { threads: context.threads }, control));
  const picture = await drawWindows(explained, `Windows of ${patch} x ${patch} on a slice`, judgement);
  if (isFile) await writeFileWhole(out, picture);
  else await writeFolderWhole(out, mayReplace, (folder) => writeWindowsFolder(folder, explained, picture));
  note(`Wrote ${out}`);
  const facts = windowsFacts(explained);
  const { body, lesion } = facts.windows;
  const lesions = lesion === null ? '' : `, ${lesion} of them on lesion`;
  return {
    json: { out, ...facts },
    text: `Slice ${facts.slice}: ${facts.windows.columns} x ${facts.windows.rows} windows at stride ${stride}, ${body} in the body${lesions}. Picture: ${out}`,
  };
}

function blocks(text: string): [number, number] {
  const parts = text.split('x').map(Number);
  if (parts.length !== 2 || !parts.every((n) => Number.isInteger(n) && n > 0 && n <= 64)) {
    throw new InvalidArgumentError('Expected rows x columns, each from 1 to 64, for example 4x4.');
  }
  return parts as [number, number];
}
