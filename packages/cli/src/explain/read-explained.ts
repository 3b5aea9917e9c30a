import type { TaskControl } from '@glisson/imaging/progress/progress';

/** The scan that is to be explained, and its labels, if any, on the same grid. */
export async function readExplained(path: string, labelsPath: string | undefined, control: TaskControl) {
  const { readScan } = await import('@glisson/imaging/scan/read-scan');
  const { readLabelmap } = await import('@glisson/imaging/scan/read-labelmap');
  const { labelmapOnGrid } = await import('@glisson/imaging/scan/labelmap-on-grid');
  const { volume } = await readScan(path, {}, control);
  const labels =
    labelsPath === undefined
      ? undefined
      : labelmapOnGrid(await readLabelmap(labelsPath, {}, control), volume.geometry, [path, labelsPath]);
  return { volume, labels };
}
