import { InvalidArgumentError } from 'commander';

/** Parsers of option values; each throws commander's InvalidArgumentError with what was expected. */

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('Expected a whole number from 1.');
  return value;
}

export function seedNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < 0 || value > 0xffffffff) {
    throw new InvalidArgumentError('Expected a whole number from 0 to 4294967295.');
  }
  return value;
}

function numbers(text: string, count: number): number[] | undefined {
  const parts = text.split(',');
  const values = parts.map(Number);
  const isValid =
    parts.length === count && parts.every((p) => p.trim() !== '') && values.every(Number.isFinite);
  return isValid ? values : undefined;
}

/** `x,y,z` in mm, all positive. */
export function spacing(text: string): [number, number, number] {
  const values = numbers(text, 3);
  if (values === undefined || values.some((v) => v <= 0)) {
    throw new InvalidArgumentError('Expected three positive lengths in mm as x,y,z, for example 1,1,2.5.');
  }
  return values as [number, number, number];
}

/** `low,high` in HU. */
export function window(text: string): { low: number; high: number } {
  const values = numbers(text, 2);
  if (values === undefined || values[0]! >= values[1]!) {
    throw new InvalidArgumentError('Expected low,high in HU with low below high, for example -160,240.');
  }
  return { low: values[0]!, high: values[1]! };
}

/** Collects `key=value` of a repeated option into a record. */
export function keyValue(text: string, before: Record<string, string> | undefined): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Expected key=value, for example training.steps=2000.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** Collects the values of a repeated option into a list. */
export function collected(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}
