// A day of traffic for the pictures of endpoints: a platform that was just started has not had one.

const QUARTER_MS = 900_000;

/** The quarters of an hour of a frame, as a busy endpoint would have them: the same in every picture. */
function buckets({ from, to }, place) {
  const starts = [];
  for (let at = Date.parse(from); at < Date.parse(to); at += QUARTER_MS) starts.push(at);
  return starts.map((at, n) => {
    const swing = Math.sin(n / 14 + place);
    const isOut = place === 1 && n > 60 && n < 64;
    const successes = Math.round(160 + 90 * swing);
    const faults = isOut ? Math.round(successes / 2) : (n * 7 + place * 3) % 31 === 0 ? Math.round(successes / 12) : 0;
    const latency = (360 + 140 * place) * (1 + 0.2 * swing) * (isOut ? 2.2 : 1) + ((n * 37) % 50);
    return {
      at: new Date(at).toISOString(),
      uptime: Math.round((successes / (successes + faults)) * 10_000) / 100,
      ...{ successes, faults, rate_limits: (n * 5 + place) % 11 === 0 ? 3 : 0 },
      ...{ latency_p50: latency, latency_p90: latency * 1.8 },
      throughput_p50: 62 - 14 * place - 8 * swing + ((n * 13) % 5),
    };
  });
}

/** Has a browser context's pages show a made-up day wherever they ask for one. */
export async function fillDays(context) {
  const fill = (pattern, change) =>
    context.route(pattern, async (route) => {
      const response = await route.fetch();
      const json = await response.json();
      if (response.ok()) change(json);
      await route.fulfill({ response, json });
    });
  await fill(/\/endpoints\/history$/, ({ data }) =>
    data.endpoints.forEach((one, place) => Object.assign(one, { buckets: buckets(data, place) })),
  );
  await fill(/\/admin\/v1\/endpoints\/[^/]+\/health$/, ({ endpoints }) =>
    endpoints
      .flatMap((one) => one.credentials)
      .forEach(({ day }, place) => Object.assign(day, { buckets: buckets(day, place) })),
  );
}
