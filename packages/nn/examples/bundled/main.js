// npx vite build packages/nn/examples/bundled: nothing needs to be configured.
import { runDiscs } from '@glisson/nn/testing/discs-task';

const state = document.getElementById('state');
try {
  const { engine, losses } = await runDiscs({
    threads: 2,
    onStep: (step, loss) => {
      state.textContent = `step ${step}, loss ${loss.toFixed(4)}`;
    },
  });
  state.textContent = `Loss ${losses.at(-1).toFixed(4)} after ${losses.length} steps, ${engine.threads} threads.`;
} catch (error) {
  state.textContent = `${error.name}: ${error.message}`;
}
