// A handler that takes steps one after the other and answers what each returned or threw: a line for
// each. Any handler of the corpus may import it.
const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const shown = (value) => {
  if (typeof value === 'string') return /[\0-\x1f]/.test(value) ? JSON.stringify(value) : value;
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof ArrayBuffer) return `ArrayBuffer ${hex(new Uint8Array(value))}`;
  if (ArrayBuffer.isView(value))
    return `${value.constructor.name} ${hex(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))}`;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  return JSON.stringify(value) ?? String(value);
};
/// What was thrown: of an engine's or a library's message only whether there is one.
const thrown = (error) =>
  (error instanceof Error || error instanceof DOMException
    ? `throws ${error.name}${error.message === '' ? ' without a message' : ''}`
    : `throws ${shown(error)}`);

const settleMs = 500;
const settled = (promise) => {
  let timer;
  const late = new Promise((resolve) => { timer = setTimeout(resolve, settleMs, 'does not settle'); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

export const report = (steps) => ({
  async fetch(request, env, ctx) {
    const lines = [];
    for (const [name, step] of Object.entries(steps)) {
      let said;
      try {
        said = shown(await settled(step({ request, env, ctx, url: new URL(request.url) })));
      } catch (error) {
        said = thrown(error);
      }
      lines.push(`${name}: ${said}`);
    }
    return new Response(lines.join('\n'));
  },
});
