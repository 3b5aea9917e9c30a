import { NetworkError } from '../errors/network-error.ts';
import { describeValue } from './describe-value.ts';
import { isRecord, type Rule } from './rules.ts';

/** A rule for each option: one that is added to the type needs one here. */
export type Rules<Options> = { readonly [Key in keyof Options]-?: Rule };

/**
 * Checks options that may come from plain JavaScript, where no compiler has looked at them. Throws a `NetworkError`
 * ('value-invalid') that begins with `where` and says which option is wrong, what was found and what there is.
 * Unknown names are refused: a misspelt option would otherwise do nothing in silence.
 */
export function checkOptions<Options extends object>(
  where: string,
  options: Options,
  rules: Rules<Options>,
): void {
  checkValues(where, options, rules);
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined || Object.hasOwn(rules, key)) continue;
    throw new NetworkError(
      'value-invalid',
      `${where}: there is no option '${key}'; there are ${Object.keys(rules).join(', ')}`,
    );
  }
}

/** The same, but members without a rule are no fault. */
export function checkValues<Options extends object>(
  where: string,
  options: Options,
  rules: Rules<Options>,
): void {
  if (!isRecord(options)) {
    throw new NetworkError(
      'value-invalid',
      `${where}: expected an object of options (${Object.keys(rules).join(', ')}), found ${describeValue(options)}`,
    );
  }
  const values: Readonly<Record<string, unknown>> = options;
  for (const [key, rule] of Object.entries<Rule>(rules)) checkValue(`${where}: ${key}`, values[key], rule);
}

/** Throws a `NetworkError` ('value-invalid') that begins with `what` unless the value follows the rule. */
export function checkValue(what: string, value: unknown, rule: Rule): void {
  if (rule.accepts(value)) return;
  const fault = rule.fault?.(value);
  const detail = fault === undefined ? '' : ` (${fault})`;
  throw new NetworkError(
    'value-invalid',
    `${what} must be ${rule.expected}, found ${describeValue(value)}${detail}`,
  );
}
