import { Option } from 'commander';
import { seedNumber } from '../options.ts';
import type { Verb } from '../verb.ts';

interface DemoOptions {
  readonly out: string;
  readonly seed: number;
  readonly force?: boolean;
}

export const demo: Verb<DemoOptions> = {
  name: 'demo',
  summary: 'The whole way on synthetic scans: make, train, segment, score, report',
  options: [
    new Option('--out <folder>', 'where the results go').default('demo'),
    new Option('--seed <number>', 'which phantoms and which training').default(1).argParser(seedNumber),
    new Option('--force', 'replace what is there'),
  ],
  examples: [{ command: 'glisson demo --out demo', meaning: 'run it and open demo/report.html afterwards' }],
  async run() {
    throw new Error('the demo is not there yet');
  },
};
