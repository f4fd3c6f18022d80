// What the applications of the paper have in common: the input is one integer, the answer JSON.

/// A function that answers POST with `run(n)`, n the body (empty: `size`, the paper's), and
/// everything else with what it is, without computing. 400: a body that is no integer from 1 to
/// `largest`.
export function application({ what, size, largest, run }) {
  return {
    async fetch(request) {
      if (request.method !== 'POST') return Response.json({ what, size, largest });
      const text = (await request.text()).trim();
      const n = text === '' ? size : Number(text);
      if (!Number.isInteger(n) || n < 1 || n > largest) {
        return Response.json(
          { error: `the body is an integer from 1 to ${largest}, or nothing for ${size}` },
          { status: 400 },
        );
      }
      return Response.json(run(n));
    },
  };
}

/// Numbers in their order: their count, their sum, and some of them.
export function digest(numbers, samples = 15) {
  const step = Math.max(1, Math.floor(numbers.length / samples));
  return {
    count: numbers.length,
    sum: numbers.reduce((sum, value) => sum + value, 0),
    some: numbers.filter((_, i) => i % step === 0),
  };
}

/// Labels in their order: how many of each, and a sum that depends on who has which.
export function digest_labels(labels) {
  const count = {};
  let positions = 0;
  labels.forEach((label, i) => {
    count[label] = (count[label] ?? 0) + 1;
    positions += (i + 1) * (label + 1);
  });
  return { count, positions };
}
