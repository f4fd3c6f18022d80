// GET shows the book, POST signs it: the body is a line of text.
import page from './page.html';
import { add, read, shorten } from './book.js';

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

export default {
  async fetch(request, env) {
    if (request.method === 'POST') {
      const line = (await request.text()).trim();
      if (line === '') return new Response('Write something\n', { status: 400 });
      await env.SIGNATURES.send(line.slice(0, 200));
      return new Response('Thank you\n', { status: 202 });
    }
    const items = (await read(env.STATE)).map((line) => `<li>${escape(line)}</li>`).join('');
    return new Response(page.replaceAll('{title}', env.TITLE).replace('{items}', () => items),
      { headers: { 'content-type': 'text/html;charset=utf-8' } });
  },

  /// A message may come twice: its id says whether its line is there already.
  async queue(batch, env) {
    for (const message of batch.messages) await add(env.STATE, message.id, message.body);
  },

  /// Every night: only the newest lines stay.
  async scheduled(controller, env) { await shorten(env.STATE); },
};
