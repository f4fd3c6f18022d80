// Serves a handler with node:http. node_server.mjs HANDLER PORT. The request is an object with what
// the handlers of this folder use: a whole Request of Node's costs more than such an application pays.
import http from 'node:http';
import { pathToFileURL } from 'node:url';

const [path, port] = process.argv.slice(2);
const { default: handler } = await import(pathToFileURL(path));

async function whole(message) {
  const parts = [];
  for await (const part of message) parts.push(part);
  return Buffer.concat(parts);
}

const server = http.createServer(async (message, out) => {
  const response = await handler.fetch({
    url: `http://${message.headers.host}${message.url}`,
    json: async () => JSON.parse((await whole(message)).toString()),
    arrayBuffer: async () => (await whole(message)),
  });
  const body = Buffer.from(await response.arrayBuffer());
  const headers = { ...Object.fromEntries(response.headers), 'content-length': body.length };
  out.writeHead(response.status, headers).end(body);
});
server.listen(Number(port), '127.0.0.1');
