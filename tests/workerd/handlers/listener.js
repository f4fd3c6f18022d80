//// plain: addEventListener('fetch')
//// GET /
//// POST /x {"body": "b"}
//// @listener
addEventListener('fetch', (event) => {
  event.respondWith(
    new Response(`${event.type} ${event.request.method} ${new URL(event.request.url).pathname}`),
  );
});
//// promised: respondWith a promise
//// GET /
//// @listener
addEventListener('fetch', (event) => event.respondWith(handle(event.request)));
async function handle(request) {
  await null;
  return new Response((await request.text()) || 'no body', { status: 203 });
}
//// env: bindings are globals
//// GET /
//// @listener
//// @env {"GREETING": "hello", "OPTIONS": {"max": 3}}
addEventListener('fetch', (event) => {
  event.respondWith(Response.json([GREETING, OPTIONS.max, typeof globalThis.GREETING]));
});
//// fails: a listener that throws, one that does not answer, one that answers twice
//// GET /throws
//// GET /silent
//// GET /twice
//// GET /rejects
//// @listener
addEventListener('fetch', (event) => {
  switch (new URL(event.request.url).pathname) {
    case '/throws':
      throw new Error('no');
    case '/rejects':
      return event.respondWith(Promise.reject(new Error('no')));
    case '/twice': {
      event.respondWith(new Response('first'));
      try {
        event.respondWith(new Response('second'));
      } catch (error) {
        console.log(error.name);
      }
    }
  }
});
//// two: the first listener that answers counts
//// GET /a
//// GET /b
//// @listener
addEventListener('fetch', (event) => {
  if (event.request.url.endsWith('/a')) event.respondWith(new Response('first'));
});
addEventListener('fetch', (event) => {
  if (!event.request.url.endsWith('/a')) event.respondWith(new Response('second'));
});
//// late: respondWith after the listener has returned
//// GET /
//// @listener
addEventListener('fetch', (event) => {
  event.waitUntil(Promise.resolve());
  event.respondWith(new Promise((resolve) => setTimeout(resolve, 2, new Response('late'))));
});
//// self: names of the global scope
//// GET /
//// @listener
self.addEventListener('fetch', (event) => {
  event.respondWith(
    Response.json([
      self === globalThis,
      typeof window,
      typeof onfetch,
      typeof FetchEvent,
      event instanceof Event,
    ]),
  );
});
