import { describeValue } from './describe-value.ts';

/** What a value must be. */
export interface Rule {
  /** Ends the sentence 'it must be ...'. */
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
  /** Of a value with many parts: which of them is at fault, e.g. 'item 3 is NaN'. */
  readonly fault?: (value: unknown) => string | undefined;
}

function numberRule(expected: string, accepts: (value: number) => boolean): Rule {
  return { expected, accepts: (value) => typeof value === 'number' && accepts(value) };
}

export const count = numberRule(
  'a positive whole number',
  (value) => Number.isSafeInteger(value) && value > 0,
);
export const wholeFromZero = numberRule(
  'a whole number from 0',
  (value) => Number.isSafeInteger(value) && value >= 0,
);
export const wholeNumber = numberRule('a whole number', Number.isSafeInteger);
export const finite = numberRule('a number', Number.isFinite);
export const fromZero = numberRule('a number from 0', (value) => Number.isFinite(value) && value >= 0);
export const positive = numberRule('a positive number', (value) => Number.isFinite(value) && value > 0);
/** A share that can be 0, but not all. */
export const belowOne = numberRule('a number in [0, 1)', (value) => value >= 0 && value < 1);
export const share = numberRule('a number from 0 to 1', (value) => value >= 0 && value <= 1);

export const flag: Rule = { expected: 'true or false', accepts: (value) => typeof value === 'boolean' };
export const text: Rule = {
  expected: 'a text that is not empty',
  accepts: (value) => typeof value === 'string' && value !== '',
};
export const aFunction: Rule = { expected: 'a function', accepts: (value) => typeof value === 'function' };
export const anything: Rule = { expected: 'anything', accepts: () => true };
export const bytes: Rule = {
  expected: 'bytes (a Uint8Array)',
  accepts: (value) => value instanceof Uint8Array,
};

/** Whether a value is an object that is no list; its keys may then be looked at. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object with such members: what is called is looked at, not where it comes from. */
export function objectWith(expected: string, members: Readonly<Record<string, Rule>>): Rule {
  return {
    expected,
    accepts: (value) =>
      isRecord(value) && Object.entries(members).every(([key, rule]) => rule.accepts(value[key])),
  };
}

export const aSignal = objectWith('an AbortSignal', {
  throwIfAborted: aFunction,
  addEventListener: aFunction,
});

/** Object whose values, whatever their keys, follow a rule. */
export function recordOf(expected: string, rule: Rule): Rule {
  return {
    expected,
    accepts: (value) => isRecord(value) && Object.values(value).every(rule.accepts),
    fault: (value) => {
      if (!isRecord(value)) return undefined;
      const bad = Object.entries(value).find(([, each]) => !rule.accepts(each));
      return bad && `'${bad[0]}' is ${describeValue(bad[1])}`;
    },
  };
}

/** One of a few texts or numbers. */
export function oneOf(...choices: readonly (string | number)[]): Rule {
  const words = choices.map((choice) => (typeof choice === 'string' ? `'${choice}'` : `${choice}`));
  const last = words.at(-1)!;
  return {
    expected: words.length === 1 ? last : `${words.slice(0, -1).join(', ')} or ${last}`,
    accepts: (value) => (choices as readonly unknown[]).includes(value),
  };
}

/** A list of values that each follow a rule. @param of their plural, e.g. 'positive whole numbers' */
export function listOf(of: string, rule: Rule, length?: number): Rule {
  return {
    expected: length === undefined ? `a list of ${of}` : `a list of ${length} ${of}`,
    accepts: (value) =>
      Array.isArray(value) && (length === undefined || value.length === length) && value.every(rule.accepts),
    fault: (value) => {
      if (!Array.isArray(value)) return undefined;
      const bad = value.findIndex((each) => !rule.accepts(each));
      return bad < 0 ? undefined : `item ${bad} is ${describeValue(value[bad])}`;
    },
  };
}

export function either(...rules: readonly Rule[]): Rule {
  return {
    expected: rules.map(({ expected }) => expected).join(', or '),
    accepts: (value) => rules.some((rule) => rule.accepts(value)),
    fault: (value) => rules.map(({ fault }) => fault?.(value)).find((found) => found !== undefined),
  };
}

/** The same, or nothing. */
export function optional(rule: Rule): Rule {
  return { ...rule, accepts: (value) => value === undefined || rule.accepts(value) };
}
