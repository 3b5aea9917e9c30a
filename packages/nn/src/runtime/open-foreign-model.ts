import { NetworkError } from '../errors/network-error.ts';
import { encodeModel } from '../onnx/encode-model.ts';
import { allNodes, type OnnxModel, type OnnxNode } from '../onnx/onnx-model.ts';
import { type Engine, type EngineOptions, openEngine } from './engine.ts';

/**
 * Opens a model that somebody else made. Rejects as `openEngine` does, but when the engine does not know an
 * operator, with a `NetworkError` ('operator-unknown') that names all such operators and where they are used.
 * @param file the bytes of the model
 * @param model the same, read
 */
export async function openForeignModel(
  file: Uint8Array,
  model: OnnxModel,
  options: EngineOptions = {},
): Promise<Engine> {
  try {
    return await openEngine(file, options);
  } catch (error) {
    const unknown = isRefusal(error) ? await unknownOperators(model) : [];
    if (unknown.length === 0) throw error;
    throw new NetworkError(
      'operator-unknown',
      `The engine does not know ${unknown.length === 1 ? 'an operator' : `${unknown.length} operators`} of this model: ` +
        `${unknown.map((nodes) => describeOperator(nodes, model)).join('; ')}. ` +
        'Export the model with standard ONNX operators only.',
      { cause: error },
    );
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof NetworkError && error.code === 'engine-failed';
}

function operatorKey({ domain, type }: { readonly domain: string; readonly type: string }): string {
  return `${domain === '' ? '' : `${domain}:`}${type}`;
}

/**
 * Nodes of operators that the engine does not know, one list for each operator. The engine itself is asked, by
 * a model of one node for each operator: it stops at the first fault of a whole model.
 */
async function unknownOperators(model: OnnxModel): Promise<OnnxNode[][]> {
  const own = new Set(model.functions.map(({ name, domain }) => operatorKey({ domain, type: name })));
  const users = new Map<string, OnnxNode[]>();
  for (const node of allNodes(model)) {
    const key = operatorKey(node);
    if (own.has(key)) continue;
    const nodes = users.get(key);
    if (nodes === undefined) users.set(key, [node]);
    else nodes.push(node);
  }
  const unknown: OnnxNode[][] = [];
  for (const nodes of users.values()) {
    if (!(await isKnown(nodes[0]!, model))) unknown.push(nodes);
  }
  return unknown;
}

/** What ONNX Runtime says of an operator that it has no definition of, or no longer. */
const saysUnknown =
  /not a registered function\/op|No Op registered for|No opset import for domain|is deprecated in domain_version/;

/** Whether the engine has the operator of a node; without inputs it fails either way, but for another reason. */
async function isKnown({ type, domain }: OnnxNode, { irVersion, opsets }: OnnxModel): Promise<boolean> {
  const probe = encodeModel({
    irVersion,
    producer: '',
    producerVersion: '',
    opsets,
    metadata: {},
    functions: [],
    graph: {
      name: 'probe',
      nodes: [{ name: '', type, domain, inputs: [], outputs: ['y'], attributes: {} }],
      initializers: [],
      inputs: [],
      outputs: [{ name: 'y', type: 'float32', shape: undefined }],
      values: [],
    },
  });
  try {
    await (await openEngine(probe, { threads: 1 })).close();
    return true;
  } catch (error) {
    return !saysUnknown.test((error as Error).message);
  }
}

function describeOperator(nodes: readonly OnnxNode[], { opsets }: OnnxModel): string {
  const [first] = nodes as [OnnxNode];
  const version = opsets[first.domain];
  const set = first.domain === '' ? 'ONNX' : `domain '${first.domain}'`;
  const place =
    first.name === '' ? `the node that makes '${first.outputs[0] ?? ''}'` : `node '${first.name}'`;
  const more = nodes.length === 1 ? '' : ` and ${nodes.length - 1} more`;
  return `${first.type} of ${set}, ${version === undefined ? 'which the model does not import' : `version ${version}`} (${place}${more})`;
}
