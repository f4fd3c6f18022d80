// `handler`, the ingress of the paper's AppAuth: takes {"user", "password"}, refuses what cannot be
// credentials, and asks `check`. Its node must let it: [workers] services = ["check"].
const kMax = 64;

export default {
  async fetch(request, env) {
    if (request.method !== 'POST') return new Response('POST a user and a password\n', { status: 405 });
    let body;
    try {
      body = await request.json();
    } catch {
      return Response.json({ error: 'the body is not JSON' }, { status: 400 });
    }
    const { user, password } = body ?? {};
    for (const text of [user, password])
      if (typeof text !== 'string' || text.length === 0 || text.length > kMax || text.includes('\n'))
        return Response.json({ error: 'user and password are texts of 1 to 64 characters' }, { status: 400 });
    try {
      const answer = await env.SERVICES.fetch('check', 'http://check/',
        { method: 'POST', body: `${user}\n${password}` });
      const { known, version } = await answer.json();
      return Response.json({ user, known, version }, { status: known ? 200 : 403 });
    } catch (error) {
      return Response.json({ error: error.message }, { status: 502 });
    }
  },
};
