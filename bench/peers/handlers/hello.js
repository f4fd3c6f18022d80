export default {
  fetch(request) {
    const url = new URL(request.url);
    if (url.pathname.endsWith('/missing')) return new Response('not found', { status: 404 });
    return new Response(`Hello, ${url.searchParams.get('name') ?? 'world'}!`);
  },
};
