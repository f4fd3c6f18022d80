// Says hello: the smallest function there is.
export default {
  async fetch(request) {
    const name = new URL(request.url).searchParams.get('name') ?? 'world';
    return new Response(`Hello, ${name}!\n`, { headers: { 'content-type': 'text/plain' } });
  },
};
