// What the peers of tools/bench share: one JSON line a figure, medians, CPU time.
export const figure = (metric, value, unit) =>
  console.log(JSON.stringify({ metric, value: Number(value.toFixed(4)), unit, bar: null }));

export const percentile = (values, percent) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(((sorted.length - 1) * percent) / 100)];
};

export const median = (values) => percentile(values, 50);

const cpu = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** Microseconds of CPU per call: the median over rounds, after one round that warms up the compiler. */
export const medianUs = (work, { rounds = 7, iterations = 50, prepare = () => undefined } = {}) => {
  const found = [];
  for (let round = 0; round <= rounds; round += 1) {
    const inputs = Array.from({ length: iterations }, prepare);
    const start = cpu();
    for (const input of inputs) work(input);
    if (round > 0) found.push((cpu() - start) / iterations);
  }
  return median(found);
};
