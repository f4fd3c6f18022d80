// `handler`, the ingress of the paper's AppAuth: takes {"user", "password"}, refuses what cannot be
// credentials, and tells what it would ask `check`. It asks nobody: functions cannot call C++
// services yet. check_client does.
const kMax = 64;

export default {
  async fetch(request) {
    if (request.method !== 'POST') return new Response('POST a user and a password\n', { status: 405 });
    let body;
    try {
      body = await request.json();
    } catch {
      return Response.json({ error: 'the body is not JSON' }, { status: 400 });
    }
    const { user, password } = body ?? {};
    for (const text of [user, password])
      if (typeof text !== 'string' || text.length === 0 || text.length > kMax)
        return Response.json({ error: 'user and password are texts of 1 to 64 characters' }, { status: 400 });
    return Response.json({ service: 'check', user });
  },
};
