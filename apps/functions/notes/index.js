// A JSON API: POST / makes a note, GET / lists them, GET, PUT and DELETE /ID are of one.
const kTextMax = 500; // characters; a value of STATE has 1,024 bytes at most

const problem = (status, error) => Response.json({ error }, { status });
const missing = () => problem(404, 'no such note');

/// The text of the request's note, or what is wrong with it.
async function text_of(request) {
  const note = await request.json().catch(() => null);
  const text = note?.text;
  const fits = typeof text === 'string' && text.length > 0 && text.length <= kTextMax;
  return fits ? { text } : { error: `the body is {"text": ...}, of 1 to ${kTextMax} characters` };
}

/// GET / has 100 notes; ?after=ID the next ones.
async function list(state, after) {
  const { entries, more } = await state.list('', after);
  return Response.json({ notes: entries.map(({ key, value }) => ({ id: key, text: value })), more });
}

async function create(request, state) {
  const { text, error } = await text_of(request);
  if (error) return problem(400, error);
  const id = crypto.randomUUID();
  await state.put(id, text);
  return Response.json({ id, text }, { status: 201 });
}

async function show(state, id) {
  const text = await state.get(id);
  return text === null ? missing() : Response.json({ id, text });
}

async function change(request, state, id) {
  const { text, error } = await text_of(request);
  if (error) return problem(400, error);
  let found;
  await state.transaction([id], ([old]) => {
    found = old !== null;
    return [found ? text : undefined];
  });
  return found ? Response.json({ id, text }) : missing();
}

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const id = decodeURIComponent(pathname.slice(1));
    switch (`${request.method} ${id === '' ? '/' : '/ID'}`) {
      case 'GET /': return list(env.STATE, searchParams.get('after') ?? '');
      case 'POST /': return create(request, env.STATE);
      case 'GET /ID': return show(env.STATE, id);
      case 'PUT /ID': return change(request, env.STATE, id);
      case 'DELETE /ID':
        return (await env.STATE.delete(id)) ? new Response(null, { status: 204 }) : missing();
      default: return problem(405, `${request.method} is not for /${id}`);
    }
  },
};
