//// imports: names, defaults, everything, in folders
//// GET /
import twice, { three, four as quatre } from './lib/numbers.js';
import * as all from './lib/numbers.js';
import { deep } from './lib/deep/module.js';
export default {
  fetch() {
    return Response.json([twice(2), three, quatre, Object.keys(all).sort(), deep]);
  },
};
//// @file lib/numbers.js
export default (n) => n * 2;
export const three = 3;
export const four = 4;
//// @file lib/deep/module.js
import { three } from '../numbers.js';
export const deep = `deep ${three}`;
//// circle: modules that import each other
//// GET /
import { even } from './even.js';
export default { fetch: () => Response.json([even(10), even(7)]) };
//// @file even.js
import { odd } from './odd.js';
export const even = (n) => n === 0 || odd(n - 1);
//// @file odd.js
import { even } from './even.js';
export const odd = (n) => n !== 0 && even(n - 1);
//// live: bindings that change
//// GET /
//// GET /
import { count, add } from './counter.js';
export default {
  fetch() {
    add();
    return new Response(String(count));
  },
};
//// @file counter.js
export let count = 0;
export const add = () => {
  count++;
};
//// text: a text as a module
//// GET /
import page from './page.html';
import note from './note.txt';
export default {
  fetch: () =>
    new Response(page + note, { headers: { 'content-type': 'text/html; charset=utf-8' } }),
};
//// @file page.html
<!doctype html>
<title>grüße</title>
//// @file note.txt
a note
//// data: bytes as a module
//// GET /
import data from './data.bin';
export default {
  fetch: () =>
    Response.json([
      Object.prototype.toString.call(data),
      data.byteLength,
      [...new Uint8Array(data)],
    ]),
};
//// @file data.bin base64
AAEC/f7/
//// json: a JSON file as a module
//// GET /
import table from './table.json';
export default {
  fetch: () => Response.json([table.name, table.list.length, typeof table, Object.isFrozen(table)]),
};
//// @file table.json
{ "name": "table", "list": [1, 2, 3] }
//// wasm: a WebAssembly module that adds
//// GET /?a=2&b=40
import module from './add.wasm';
const { exports } = new WebAssembly.Instance(module);
export default {
  fetch(request) {
    const { searchParams } = new URL(request.url);
    return Response.json([
      module instanceof WebAssembly.Module,
      exports.add(+searchParams.get('a'), +searchParams.get('b')),
      exports.add(0x7fffffff, 1),
    ]);
  },
};
//// @file add.wasm base64
AGFzbQEAAAABBwFgAn9/AX8DAgEABwcBA2FkZAAACgkBBwAgACABags=
//// wasm-imports: memory, and a function that it calls
//// GET /
import module from './log.wasm';
export default {
  async fetch() {
    const seen = [];
    const { exports } = await WebAssembly.instantiate(module, {
      env: { log: (n) => seen.push(n) },
    });
    exports.run();
    const text = new TextDecoder().decode(new Uint8Array(exports.memory.buffer, 0, 2));
    let refused = '';
    try {
      await WebAssembly.instantiate(module, {});
    } catch (error) {
      refused = error.name;
    }
    return Response.json([
      seen,
      text,
      exports.memory.buffer.byteLength,
      refused,
      WebAssembly.Module.exports(module).length,
      WebAssembly.Module.imports(module)[0].name,
    ]);
  },
};
//// @file log.wasm base64
AGFzbQEAAAABCAJgAX8AYAAAAgsBA2VudgNsb2cAAAMCAQEFAwEAAQcQAgZtZW1vcnkCAANydW4AAQoIAQYAQQcQAAsLCAEAQQALAmhp
//// common: CommonJS as a default import
//// GET /
import old from './old.cjs';
export default { fetch: () => Response.json([old.name, old.twice(21), typeof old]) };
//// @file old.cjs
module.exports = { name: 'old', twice: (n) => n * 2 };
//// common-requires: CommonJS modules among themselves
//// GET /
import old from './first.cjs';
export default { fetch: () => Response.json(old) };
//// @file first.cjs
const second = require('./second.cjs');
exports.all = [second.value, typeof module, typeof exports, typeof require];
//// @file second.cjs
exports.value = 'second';
//// dynamic: import() when it is asked for
//// GET /
//// GET /again
export default {
  async fetch() {
    const { name } = await import('./late.js');
    const none = './none.js';
    let missing = '';
    try {
      await import(none);
    } catch (error) {
      missing = error instanceof Error ? 'an error' : 'something';
    }
    return new Response(`${name}, ${missing}`);
  },
};
//// @file late.js
export const name = 'late';
//// top-level-await: a module that waits before it is ready
//// GET /
import { name } from './other.js';
const value = await Promise.resolve('waited');
export default { fetch: () => new Response(`${value} ${name}`) };
//// @file other.js
export const name = await (async () => 'for the other')();
//// meta: import.meta, this, module-level names
//// GET /
import { report } from './report.js';
const top = typeof this;
export default report({
  this: () => top,
  meta: () => typeof import.meta,
  require: () => typeof require,
  module: () => typeof module,
  process: () => typeof process,
  strict: () => {
    undeclared = 1;
  },
  url: () => typeof import.meta.url,
});
//// class: a class with fetch as default export's object
//// GET /
class App {
  #greeting = 'private hello';
  fetch() {
    return new Response(this.#greeting);
  }
}
export default new App();
//// this: what this is in a handler
//// GET /
export default {
  word: 'mine',
  fetch() {
    return new Response(String(this?.word));
  },
};
//// named: other exports beside the default one
//// GET /
export const helper = () => 'help';
export class Other {}
export default { fetch: () => new Response(helper() + Other.name) };
//// shadowed: a global's name as a module's own
//// GET /
const Response2 = Response;
const fetch = () => 'own fetch';
const name = 'own name';
export default { fetch: () => new Response2(`${fetch()} ${name}`) };
