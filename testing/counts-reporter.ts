import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { hasSharedData, hasSharedWeights } from './shared-data.ts';

/** Last lines of a run: tests on real data run and skipped, tests skipped for want of a tool, and the counts. */
export class CountsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const state = (test: TestCase) => test.result().state;
    const count = (list: readonly TestCase[], wanted: string) =>
      list.filter((test) => state(test) === wanted).length;
    const brokenModules = modules.filter(
      (module) => module.state() === 'failed' && module.errors().length > 0,
    );

    const realTests = [
      { kind: 'real-scan', mark: '[real scan]', isThere: hasSharedData },
      { kind: 'real-weights', mark: '[real weights]', isThere: hasSharedWeights },
    ];
    // Without the shared data such a test is skipped for want of that, whatever is installed.
    const lacksData = (name: string) =>
      realTests.some(({ mark, isThere }) => !isThere && name.includes(mark));
    const lacking = tests.filter(
      (test) =>
        /\[needs [^\]]+\]/.test(test.fullName) && state(test) === 'skipped' && !lacksData(test.fullName),
    );
    const requireAll = process.env.GLISSON_REQUIRE_ALL === '1';

    const lines = [''];
    for (const test of lacking) lines.push(`skipped: ${test.fullName}`);
    for (const { kind, mark } of realTests) {
      const marked = tests.filter((test) => test.fullName.includes(mark));
      const skipped = count(marked, 'skipped');
      lines.push(`${kind} tests: ${marked.length - skipped} ran, ${skipped} skipped`);
    }
    lines.push(`tests skipped for want of a system package: ${lacking.length}`);
    let failed = count(tests, 'failed') + brokenModules.length + errors.length;
    if (requireAll && lacking.length > 0) {
      lines.push('GLISSON_REQUIRE_ALL=1: each such skip is a failure');
      failed += lacking.length;
      process.exitCode = 1;
    }
    const skipped = count(tests, 'skipped') - (requireAll ? lacking.length : 0);
    lines.push(`${count(tests, 'passed')} passed, ${failed} failed, ${skipped} skipped`);
    // After vitest's own summary, which other reporters print in the same hook.
    process.on('exit', () => process.stdout.write(`${lines.join('\n')}\n`));
  }
}
