/** A value of a plan's field, as JSON. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** One of the values of a choice; its label names it in tables and files. */
export interface Option {
  readonly label: string;
  readonly value: Json;
}

/** Holds when the named dimension or field has one of the values (or, negated, none of them). */
export interface Condition {
  readonly name: string;
  readonly values: readonly Json[];
  readonly negated: boolean;
}

interface DimensionBase {
  /** Unique in its sweep; its field's name, unless it was given another. */
  readonly name: string;
  /** Dotted name of the plan's field that it sets; `recipe` for the recipe. */
  readonly field: string;
  /** It varies only where all of these hold. */
  readonly when: readonly Condition[];
}

export interface ChoiceDimension extends DimensionBase {
  readonly kind: 'choice';
  readonly options: readonly Option[];
}

/** Numbers from `low` to `high`, both included: evenly, evenly in their logarithm, or whole ones. */
export interface RangeDimension extends DimensionBase {
  readonly kind: 'uniform' | 'loguniform' | 'int';
  readonly low: number;
  readonly high: number;
  /** How many of them a grid tries. */
  readonly points: number | null;
}

export type Dimension = ChoiceDimension | RangeDimension;

/** What a trial tries of a dimension: the label of an option, or a number. */
export type Setting = string | number;

/** What a trial tries, by name of dimension; those that do not vary there are absent. */
export type Point = Readonly<Record<string, Setting>>;

/** Digits of numbers that are drawn: enough to vary, few enough to read. */
const digits = 4;

/** The setting at `unit`, from 0 up to (not including) 1; equal parts of it are equally likely to be drawn. */
export function settingAt(dimension: Dimension, unit: number): Setting {
  if (dimension.kind === 'choice') {
    const { options } = dimension;
    return options[Math.min(options.length - 1, Math.floor(unit * options.length))]!.label;
  }
  const { kind, low, high } = dimension;
  if (kind === 'int') return Math.min(high, Math.floor(low + unit * (high - low + 1)));
  const exact =
    kind === 'uniform' ? low + unit * (high - low) : Math.exp(Math.log(low) + unit * Math.log(high / low));
  return Math.min(high, Math.max(low, Number(exact.toPrecision(digits))));
}

/** Where a setting lies, 0 to 1: the middle of what `settingAt` gives it for. */
export function unitOf(dimension: Dimension, setting: Setting): number {
  if (dimension.kind === 'choice') {
    const index = dimension.options.findIndex(({ label }) => label === setting);
    return (index + 0.5) / dimension.options.length;
  }
  const { kind, low, high } = dimension;
  const value = Number(setting);
  if (kind === 'int') return (value - low + 0.5) / (high - low + 1);
  if (high === low) return 0.5;
  return kind === 'uniform' ? (value - low) / (high - low) : Math.log(value / low) / Math.log(high / low);
}

/** The settings that a grid tries; undefined for a range without `points`. */
export function gridOf(dimension: Dimension): Setting[] | undefined {
  if (dimension.kind === 'choice') return dimension.options.map(({ label }) => label);
  const { kind, low, high, points } = dimension;
  if (kind === 'int' && points === null && high - low < 100)
    return Array.from({ length: high - low + 1 }, (_, i) => low + i);
  if (points === null) return undefined;
  if (points === 1) return [settingAt(dimension, 0.5)];
  const spread = Array.from({ length: points }, (_, i) => {
    const share = i / (points - 1);
    if (kind === 'int') return Math.round(low + share * (high - low));
    return settingAt(dimension, share);
  });
  return [...new Set(spread)];
}

/** The value that a setting stands for. */
export function valueAt(dimension: Dimension, setting: Setting): Json {
  if (dimension.kind !== 'choice') return setting;
  return dimension.options.find(({ label }) => label === setting)!.value;
}
