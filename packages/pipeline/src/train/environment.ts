import { cpus, totalmem } from 'node:os';
import { diagnoseEngine } from '@glisson/nn/runtime/diagnose-engine';

/** What results depend on besides plan and data: the same plan on another machine may differ in the last bits. */
export async function describeEnvironment(threads: number | undefined): Promise<object> {
  const engine = await diagnoseEngine();
  return {
    schema: 'glisson.environment/1',
    node: process.version,
    platform: process.platform,
    architecture: process.arch,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGB: Number((totalmem() / 2 ** 30).toFixed(1)),
    threads: threads ?? 'all cores',
    onnxRuntime: engine.version ?? 'unknown',
    started: new Date().toISOString(),
  };
}
