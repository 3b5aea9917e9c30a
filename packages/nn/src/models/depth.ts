import { NetworkError } from '../errors/network-error.ts';

/** The row of a network's table for a depth; throws a `NetworkError` ('value-invalid') where there is none. */
export function atDepth<D extends number, Row>(
  name: string,
  table: Readonly<Record<D, Row>>,
  depth: NoInfer<D>,
): Row {
  if (Object.hasOwn(table, depth)) return table[depth];
  throw new NetworkError(
    'value-invalid',
    `${name} has depths ${Object.keys(table).join(', ')}; found ${depth}`,
  );
}
