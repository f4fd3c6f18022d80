//// echo: what comes goes back
//// GET / {"messages": ["hello", "grüße 😀", [1, 2, 255], "", null]}
export default {
  fetch() {
    const [client, server] = Object.values(new WebSocketPair());
    server.accept();
    server.addEventListener('message', ({ data }) =>
      server.send(typeof data === 'string' ? `you said ${data}` : data),
    );
    server.addEventListener('close', ({ code, reason }) => server.close(code, reason));
    return new Response(null, { status: 101, webSocket: client });
  },
};
//// counts: state of one connection
//// GET / {"messages": ["a", "b", "c"]}
//// GET / {"messages": ["a"]}
export default {
  fetch() {
    const { 0: client, 1: server } = new WebSocketPair();
    let count = 0;
    server.accept();
    server.addEventListener('message', () => server.send(String(++count)));
    return new Response(null, { status: 101, webSocket: client });
  },
};
//// async: messages that take time, in order
//// GET / {"messages": ["5", "1", "3"]}
export default {
  fetch() {
    const [client, server] = Object.values(new WebSocketPair());
    server.accept();
    server.addEventListener('message', async ({ data }) => {
      await new Promise((resolve) => setTimeout(resolve, Number(data)));
      server.send(`after ${data}`);
    });
    return new Response(null, { status: 101, webSocket: client });
  },
};
//// refuses: an ordinary answer to who asks for a WebSocket
//// GET / {"messages": []}
//// GET /
export default {
  fetch(request) {
    const wants = request.headers.get('upgrade') === 'websocket';
    return new Response(wants ? 'not today' : 'a WebSocket is wanted', {
      status: wants ? 403 : 426,
    });
  },
};
//// closes: the handler ends it
//// GET / {"messages": ["bye"]}
export default {
  fetch() {
    const [client, server] = Object.values(new WebSocketPair());
    server.accept();
    server.addEventListener('message', () => server.close(4001, 'enough'));
    return new Response(null, { status: 101, webSocket: client });
  },
};
//// objects: what a pair is
//// GET /
import { report } from './report.js';
export default report({
  keys: () => Object.keys(new WebSocketPair()),
  kind: () => {
    const { 0: a } = new WebSocketPair();
    return [a instanceof WebSocket, typeof a.accept, a.readyState];
  },
  'send before accept': () => {
    const { 1: server } = new WebSocketPair();
    server.send('x');
  },
  'status without 101': () => {
    const { 0: client } = new WebSocketPair();
    return new Response(null, { webSocket: client }).status;
  },
  constants: () => [WebSocket.CONNECTING, WebSocket.OPEN, WebSocket.CLOSING, WebSocket.CLOSED],
  'both here': () =>
    new Promise((resolve) => {
      const [a, b] = Object.values(new WebSocketPair());
      a.accept();
      b.accept();
      b.addEventListener('message', ({ data }) => resolve(data));
      a.send('across');
    }),
  'bad code': () => {
    const [a] = Object.values(new WebSocketPair());
    a.accept();
    a.close(999);
  },
});
