/** Whether a folder is a run: it has a run.json, or a plan.json that a training wrote. */
export function isRunFolder(names: readonly string[], isInSweep = false): boolean {
  if (names.includes('run.json')) return true;
  if (!names.includes('plan.json')) return false;
  // The plan of a sweep's winner lies in a folder of its own and is no run.
  return !isInSweep || names.length > 1;
}
