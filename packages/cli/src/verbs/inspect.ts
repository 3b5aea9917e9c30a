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
    'Takes a DICOM file, folder or zip, a NIfTI, NRRD or MetaImage file, or the folder of a dataset ' +
    '(LiTS, Medical Segmentation Decathlon, 3D-IRCADb, a CSV of image,label,patient, phantoms). ' +
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
  async run([path], { html, force }, { control, note }) {
    const { gatherReport, hasErrors } = await import('@glisson/pipeline/inspect/gather-report');
    const { renderInspectText } = await import('@glisson/pipeline/inspect/render-text');
    const { assertMayWriteFile, writeFileWhole } = await import('@glisson/imaging/files/whole-files');
    if (html !== undefined) assertMayWriteFile(html, force === true);
    const { report, sheets } = await gatherReport(path!, html !== undefined, control);
    if (html !== undefined) {
      const { renderInspectPage } = await import('@glisson/pipeline/inspect/page/render-page');
      await writeFileWhole(html, renderInspectPage(report, sheets));
      note(`Wrote ${html}`);
    }
    return { json: report, text: renderInspectText(report), exitCode: hasErrors(report) ? 1 : 0 };
  },
};
