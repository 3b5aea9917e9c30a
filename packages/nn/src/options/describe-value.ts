/** A value of any type in a few words, for messages: 'batch', 3, [1, 2], nothing, an object with kind and depth. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return `'${shortened(value)}'`;
  if (typeof value === 'function') return value.name === '' ? 'a function' : `the function ${value.name}`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return describeList(value);
  const kind: unknown = value.constructor?.name;
  if (ArrayBuffer.isView(value)) {
    return `a ${String(kind)} of ${(value as { length?: number }).length ?? value.byteLength}`;
  }
  if (typeof kind === 'string' && kind !== 'Object' && kind !== '') return `a ${kind}`;
  const keys = Object.keys(value);
  return keys.length === 0 ? 'an empty object' : `an object with ${shortList(keys).join(', ')}`;
}

function describeList(values: readonly unknown[]): string {
  const items = values.map((each) => (Array.isArray(each) ? '[…]' : describeValue(each)));
  return `[${shortList(items).join(', ')}]`;
}

const most = 6;

function shortList(items: readonly string[]): string[] {
  return items.length > most ? [...items.slice(0, most), '…'] : [...items];
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
