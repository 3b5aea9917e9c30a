import { listCached } from '@glisson/nn/weights/cache/cached-weights';
import { weightSources } from '@glisson/nn/weights/registry';
import { renderTable } from '../terminal/table.ts';
import type { VerbResult } from '../verb.ts';
import { megabytes, weightsFolder } from './weights-folder.ts';

/** What can be pulled, and what is in the cache. Never uses the network. */
export async function listWeights(folder = weightsFolder()): Promise<VerbResult> {
  const cached = await listCached(folder);
  const known = weightSources.map(({ name, network, approximateBytes, licence, trainedOn }) => [
    name,
    network,
    megabytes(approximateBytes),
    licence,
    trainedOn,
    cached.some(({ provenance, problem }) => provenance.name === name && problem === undefined) ? 'yes' : '',
  ]);
  const lines = [
    'To pull:',
    renderTable(['name', 'network', 'size', 'licence', 'trained on', 'in the cache'], known),
    '',
  ];
  if (cached.length === 0) lines.push(`The cache is empty: ${folder}`);
  else {
    const rows = cached.map(({ provenance, problem }) => {
      const { name, network = '?', bytes, source, only } = provenance;
      const part = only === undefined ? '' : `, only ${only.join(' ')}`;
      const origin = source.kind === 'download' ? source.url : source.file;
      return [name, network, megabytes(bytes), problem ?? `${origin}${part}`];
    });
    lines.push(`In the cache, ${folder}:`, renderTable(['name', 'network', 'size', 'from'], rows));
  }
  return {
    json: { schema: 'glisson.weights-list/1', folder, sources: weightSources, cached },
    text: lines.join('\n'),
  };
}
