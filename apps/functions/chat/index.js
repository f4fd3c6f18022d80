// A chat: a WebSocket for each visitor, in any process of any node; what is said goes to the room, and comes from its feed.
import page from './page.html';

export { Room } from './room.js';

/// Sends the room's lines to a socket for as long as it is open. A feed ends when the
/// room's process does, or when its reader is slow: the next one begins where it ended.
async function follow(room, socket) {
  let seen = 0;
  while (socket.readyState === WebSocket.OPEN) {
    const { body } = await room.fetch(`http://room/feed?after=${seen}`);
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    const leave = () => reader.cancel().catch(() => {});
    socket.addEventListener('close', leave);
    let rest = '';
    try {
      for (let part; !(part = await reader.read()).done;) {
        const lines = (rest + part.value).split('\n');
        rest = lines.pop();
        for (const line of lines.filter((text) => text !== '')) {
          socket.send(line);
          seen = JSON.parse(line).number;
        }
      }
    } catch {
      // Asked for anew, unless the socket is closed.
    }
    socket.removeEventListener('close', leave);
  }
}

function open_socket(room) {
  const [client, socket] = Object.values(new WebSocketPair());
  socket.accept();
  const give_up = (error) => {
    console.error(`the room cannot be reached: ${error.message}`);
    socket.close(1011, 'the room cannot be reached');
  };
  const say = (text) => room.fetch('http://room/', { method: 'POST', body: text });
  let before = Promise.resolve();
  socket.addEventListener('message', ({ data }) => {
    // One after the other: in the order they were said. A socket is one call, which makes a thousand of them.
    before = before.then(() => socket.readyState === WebSocket.OPEN && say(String(data))).catch(give_up);
  });
  follow(room, socket).catch(give_up);
  return new Response(null, { status: 101, webSocket: client });
}

export default {
  async fetch(request, env) {
    const name = new URL(request.url).pathname.slice(1);
    if (name === '') return new Response('say which room: /f/chat/ROOM\n', { status: 404 });
    const room = env.ROOMS.get(name);
    if (request.headers.get('upgrade') === 'websocket') return open_socket(room);
    if (request.method === 'POST') return room.fetch('http://room/', request);
    if (request.headers.get('accept')?.includes('text/html'))
      return new Response(page, { headers: { 'content-type': 'text/html;charset=utf-8' } });
    return room.fetch('http://room/lines');
  },
};
