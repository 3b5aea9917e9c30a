import type { LayerDescription } from '@glisson/nn/analysis/describe-network';
import type { AxisField } from '@glisson/nn/analysis/receptive-field';
import type { NetworkExplanation } from './explain-network.ts';

/** A table, ready to be laid out, and the sentences below it. */
export interface NetworkText {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly sentences: readonly string[];
}

/** An explanation for a person: norms are counted to the layer before them. */
export function networkText({ analysis, windows }: NetworkExplanation): NetworkText {
  const costs = new Map(windows?.layers.map((layer) => [layer.name, layer]) ?? []);
  const pixels = windows === null ? 1 : windows.patchwise.multiplyAdds / windows.patchwise.perPixel;
  const rows = withNorms(analysis.layers).map(({ name, kind, shape, field, parameters, multiplyAdds }) => {
    const cost = costs.get(name);
    const row = [
      name === '' ? '-' : name,
      kind,
      shape.slice(1).join(' x '),
      field
        .map(({ size }) => rounded(size))
        .filter(isFirst)
        .join(' x '),
      field
        .map(({ stride }) => (stride === null ? '-' : rounded(stride)))
        .filter(isFirst)
        .join(' x '),
      parameters === 0 ? '-' : grouped(parameters),
      multiplyAdds === 0 ? '-' : metric(multiplyAdds),
    ];
    if (windows === null) return row;
    const perPixel = (total: number | null | undefined) =>
      total === null || total === undefined || multiplyAdds === 0 ? '-' : metric(total / pixels);
    return [...row, perPixel(cost?.patchwise), perPixel(cost?.dense)];
  });
  const each = windows === null ? [] : ['per pixel, patches', 'per pixel, dense'];
  return {
    header: ['layer', 'kind', 'shape', 'sees', 'stride', 'parameters', 'multiply-adds', ...each],
    rows,
    sentences: sentences({ analysis, windows }),
  };
}

function withNorms(layers: readonly LayerDescription[]): LayerDescription[] {
  const merged: LayerDescription[] = [];
  for (const layer of layers) {
    const before = merged.at(-1);
    if (layer.kind === 'norm' && before?.kind === 'convolution') {
      merged[merged.length - 1] = { ...before, parameters: before.parameters + layer.parameters };
    } else {
      merged.push(layer);
    }
  }
  return merged;
}

function sentences({ analysis, windows }: Pick<NetworkExplanation, 'analysis' | 'windows'>): string[] {
  const { network, imageShape, parameters, multiplyAdds, lastMap } = analysis;
  const side = (field: readonly AxisField[]) => field.map(({ size }) => rounded(size)).join(' x ');
  const found = [
    `${network}: ${grouped(parameters)} parameters, ${metric(multiplyAdds)} multiply-adds for an image of ${imageShape.slice(1).join(' x ')}.`,
    `An element of its last map (${lastMap.shape.slice(1).join(' x ')}) sees ${side(lastMap.field)} pixels${reach(lastMap.field, imageShape)}.`,
  ];
  if (windows === null) return found;
  const { positions, imageSize, patchSize, outputStride, patchwise, dense, denseProblem, ratio } = windows;
  found.push(
    `All ${positions.join(' x ')} windows of ${patchSize.join(' x ')} at stride ${outputStride} on a padded slice of ${imageSize.join(' x ')}: ${metric(patchwise.multiplyAdds)} multiply-adds patch by patch (${metric(patchwise.perPixel)} per pixel)` +
      (dense === null
        ? '.'
        : `, ${metric(dense.multiplyAdds)} dense (${metric(dense.perPixel)} per pixel): ${rounded(ratio!)} times fewer.`),
  );
  if (denseProblem !== undefined) found.push(`No dense form: ${denseProblem}`);
  return found;
}

function reach(field: readonly AxisField[], imageShape: readonly number[]): string {
  const beyond = field.some(({ size }, axis) => size > imageShape[axis + 2]!);
  return beyond ? ', more than the image has: at its border it sees padding' : '';
}

/** Keeps one of several equal sizes. */
function isFirst(_: string, index: number, all: readonly string[]): boolean {
  return index === 0 || all.some((one) => one !== all[0]);
}

function rounded(value: number): string {
  return Number.isInteger(value) ? `${value}` : value.toFixed(1);
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}

/** With three digits and k, M, G, T. */
export function metric(value: number): string {
  const units = ['', 'k', 'M', 'G', 'T'];
  let unit = 0;
  let scaled = value;
  while (Number(scaled.toPrecision(3)) >= 1000 && unit < units.length - 1) {
    scaled /= 1000;
    unit++;
  }
  const digits = Number(scaled.toPrecision(3));
  return unit === 0 ? `${digits}` : `${digits} ${units[unit]}`;
}
