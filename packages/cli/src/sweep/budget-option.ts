import { InvalidArgumentError } from 'commander';

export interface BudgetOption {
  readonly trials?: number;
  readonly minutes?: number;
}

/** `40` trials, `90m` minutes, or both: `40,90m`. */
export function budget(text: string): BudgetOption {
  let found: { trials?: number; minutes?: number } = {};
  for (const part of text.split(',').map((piece) => piece.trim())) {
    const isMinutes = /^\d+(\.\d+)?m$/.test(part);
    const value = Number(isMinutes ? part.slice(0, -1) : part);
    const key = isMinutes ? 'minutes' : 'trials';
    const isSound = value > 0 && (isMinutes || Number.isInteger(value)) && found[key] === undefined;
    if (!isSound || part === '')
      throw new InvalidArgumentError('Expected trials, minutes or both, for example 40, 90m or 40,90m.');
    found = { ...found, [key]: value };
  }
  return found;
}
