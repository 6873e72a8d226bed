// The rate of a job, from how much was done at which time.

export interface Pace {
  perSecond: number; // 0 until known
  msLeft: number; // NaN until known
}

const windowMs = 10_000;
const shortestMs = 500;

export function createPace(): (now: number, done: number, total: number) => Pace {
  let samples: { at: number; done: number }[] = [];
  return (now, done, total) => {
    const last = samples.at(-1);
    if (last && done < last.done) samples = []; // run again
    samples.push({ at: now, done });
    while (samples.length > 2 && now - (samples[0]?.at ?? now) > windowMs) samples.shift();
    const first = samples[0];
    if (!first || now - first.at < shortestMs || done === first.done) {
      return { perSecond: 0, msLeft: NaN };
    }
    const perSecond = ((done - first.done) / (now - first.at)) * 1000;
    return { perSecond, msLeft: ((total - done) / perSecond) * 1000 };
  };
}
