//// values: texts and JSON
//// GET /
//// @env {"TEXT": "grüße", "EMPTY": "", "NUMBER": 1.5, "LIST": [1, "two", false], "TREE": {"a": {"b": "c"}}, "YES": true}
export default {
  fetch(request, env) {
    const { TEXT, EMPTY, NUMBER, LIST, TREE, YES } = env;
    return Response.json({ TEXT, EMPTY, NUMBER, LIST, TREE, YES, none: typeof env.NONE });
  },
};
//// changed: env can be changed, and is the same next time
//// GET /
//// GET /
//// @env {"TREE": {"n": 1}}
export default {
  fetch(request, env) {
    env.TREE.n++;
    return Response.json(env.TREE);
  },
};
//// multiline: texts with quotes and line breaks
//// GET /
//// @env {"PEM": "-----BEGIN-----\nabc\n-----END-----\n", "QUOTED": "\"'\\${x}", "UNICODE": "\u0001😀"}
export default { fetch: (request, env) => Response.json([env.PEM, env.QUOTED, env.UNICODE]) };
//// names: what env has besides
//// GET /
//// @env {"ONE": "1"}
export default {
  fetch: (request, env) =>
    Response.json([Object.keys(env).sort(), 'ONE' in env, JSON.stringify(env).includes('ONE')]),
};
//// configured: behaviour by env
//// GET /
//// @env {"LIMITS": {"max": 2}, "PREFIX": "> "}
export default {
  fetch(request, { LIMITS, PREFIX }) {
    return new Response(
      ['a', 'b', 'c']
        .slice(0, LIMITS.max)
        .map((word) => PREFIX + word)
        .join('\n'),
    );
  },
};
