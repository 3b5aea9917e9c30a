/** Estimates a rate from (time, done) samples, smoothed so that a time left does not jump about. */
export interface RateEstimator {
  /** Takes a sample: time in ms, work done so far. */
  add(timeMs: number, done: number): void;
  /** Units a second, or undefined while too little is known. */
  perSecond(): number | undefined;
}

/** Weight of the past halves every `halfLifeMs`. */
export function createRateEstimator(halfLifeMs = 8000): RateEstimator {
  let last: { timeMs: number; done: number } | undefined;
  let work = 0;
  let time = 0;
  return {
    add(timeMs, done) {
      if (last === undefined || done < last.done) {
        work = 0;
        time = 0;
        last = { timeMs, done };
        return;
      }
      const elapsed = timeMs - last.timeMs;
      if (elapsed <= 0) return;
      const keep = 0.5 ** (elapsed / halfLifeMs);
      work = work * keep + (done - last.done);
      time = time * keep + elapsed;
      last = { timeMs, done };
    },
    perSecond: () => (time >= 200 && work > 0 ? (work / time) * 1000 : undefined),
  };
}

/** 75 s as `1:15`, 4000 s as `1:06:40`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (n: number) => String(n).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
