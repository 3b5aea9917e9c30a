import type { Dimension, Point, Setting } from '../space/dimension.ts';
import { type Space, settingsByField, variedFields } from '../space/space.ts';
import type { Feature } from './regression-tree.ts';

/** A field that was varied, as an axis. */
export interface Column {
  readonly field: string;
  /** Short: the last parts of the field's name. */
  readonly title: string;
  readonly scale: 'linear' | 'log' | 'names';
  /** Of names: in the order of the axis. */
  readonly names: readonly string[];
  /** Whether the names are numbers in order. */
  readonly isOrdered: boolean;
  /** Of numbers: what was varied. */
  readonly low: number;
  readonly high: number;
}

/** The axes of a space. A field with one value only has none. */
export function columnsOf(space: Space): Column[] {
  const fields = variedFields(space).filter((field) => isVaried(space, field));
  return fields.map((field) => {
    const dimensions = space.dimensions.filter((dimension) => dimension.field === field);
    const title = titleOf(field, fields);
    const numbers = dimensions.flatMap(numbersOf);
    const values = numbers.filter((value) => value !== undefined);
    const isOrdered = values.length === numbers.length;
    const [low, high] = [Math.min(...values), Math.max(...values)];
    if (isOrdered && dimensions.some(({ kind }) => kind !== 'choice')) {
      const isLog = dimensions.some(({ kind }) => kind === 'loguniform') && low > 0;
      return { field, title, scale: isLog ? 'log' : 'linear', names: [], isOrdered, low, high };
    }
    // Values of a choice stand evenly apart, whatever lies between them: 0, 0.001 and 0.1 do not fit on one scale.
    const labels = [...new Set(dimensions.flatMap(labelsOf))];
    const names = isOrdered ? labels.sort((a, b) => Number(a) - Number(b)) : labels;
    return { field, title, scale: 'names', names, isOrdered, low: 0, high: names.length - 1 };
  });
}

function isVaried(space: Space, field: string): boolean {
  const dimensions = space.dimensions.filter((dimension) => dimension.field === field);
  const isRange = dimensions.some(({ kind }) => kind !== 'choice');
  return isRange || new Set(dimensions.flatMap(labelsOf)).size > 1;
}

function numbersOf(dimension: Dimension): (number | undefined)[] {
  if (dimension.kind !== 'choice') return [dimension.low, dimension.high];
  // A label that says more than its number is a name.
  return dimension.options.map(({ label, value }) =>
    typeof value === 'number' && label === JSON.stringify(value) ? value : undefined,
  );
}

function labelsOf(dimension: Dimension): string[] {
  if (dimension.kind === 'choice') return dimension.options.map(({ label }) => label);
  return [dimension.low, dimension.high].map(String);
}

/** Shorter last parts (`lesion`, `frozen`) say too little alone. */
const tellingLength = 7;

/** The last part of a field's name; the last two where another field ends alike, or where one says too little. */
export function titleOf(field: string, fields: readonly string[]): string {
  const parts = field.split('.');
  const last = parts.at(-1)!;
  const isAlone = fields.filter((other) => other.split('.').at(-1) === last).length === 1;
  return isAlone && last.length >= tellingLength ? last : parts.slice(-2).join('.');
}

/** Where a setting lies on its axis, 0 to 1. */
export function placeOn(column: Column, setting: Setting): number {
  const { scale, names, low, high } = column;
  if (scale === 'names') return names.length < 2 ? 0.5 : names.indexOf(String(setting)) / (names.length - 1);
  if (high === low) return 0.5;
  const value = Number(setting);
  return scale === 'log' ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
}

/** The settings of trials as features of a forest. */
export function featuresOf(space: Space, points: readonly Point[]): Record<string, Feature> {
  const settings = points.map((point) => settingsByField(space, point));
  return Object.fromEntries(
    columnsOf(space).map((column) => {
      const values = settings.map((row) => {
        const setting = row[column.field];
        if (setting === undefined) return null;
        return column.isOrdered ? placeOn(column, setting) : String(setting);
      });
      return [column.field, { kind: column.isOrdered ? 'number' : 'name', values }];
    }),
  );
}
