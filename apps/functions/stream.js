// Streams: GET sends an event every 100 ms, POST numbers the lines of a body as it passes, however long it is.
const kEventsMax = 1_000;

/// Server-sent events, made only as fast as they are read; a client that leaves ends them.
function events(to) {
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      if (sent === to) return controller.close();
      await scheduler.wait(100);
      controller.enqueue(`data: ${++sent}\n\n`);
    },
  }).pipeThrough(new TextEncoderStream());
}

function numbered() {
  let number = 0;
  let at_start = true;
  return new TransformStream({
    transform(text, controller) {
      const parts = text.split('\n');
      controller.enqueue(parts.map((part, i) => {
        const starts = i > 0 || at_start;
        return starts && (part !== '' || i < parts.length - 1) ? `${++number} ${part}` : part;
      }).join('\n'));
      at_start = parts.at(-1) === '' && (parts.length > 1 || at_start);
    },
  });
}

export default {
  fetch(request) {
    if (request.method === 'POST') {
      const lines = request.body
        .pipeThrough(new TextDecoderStream())
        .pipeThrough(numbered())
        .pipeThrough(new TextEncoderStream());
      return new Response(lines, { headers: { 'content-type': 'text/plain;charset=utf-8' } });
    }
    const to = Number(new URL(request.url).searchParams.get('to') ?? 10);
    if (!Number.isInteger(to) || to < 1 || to > kEventsMax)
      return new Response(`to is a number from 1 to ${kEventsMax}\n`, { status: 400 });
    return new Response(events(to), { headers: { 'content-type': 'text/event-stream' } });
  },
};
