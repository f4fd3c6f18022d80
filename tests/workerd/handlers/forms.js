//// urlencoded: a form that a browser sends
//// POST / {"headers": {"content-type": "application/x-www-form-urlencoded"}, "body": "name=Ada+L.&tag=a&tag=b&empty=&%C3%BC=%E2%82%AC"}
//// POST / {"headers": {"content-type": "application/x-www-form-urlencoded;charset=UTF-8"}, "body": ""}
//// POST / {"headers": {"content-type": "text/plain"}, "body": "a=1"}
//// POST / {"body": "a=1"}
export default {
  async fetch(request) {
    try {
      return Response.json([...(await request.formData())]);
    } catch (error) {
      return new Response(error.name, { status: 400 });
    }
  },
};
//// multipart: fields and a file
//// POST / {"headers": {"content-type": "multipart/form-data; boundary=B"}, "body": "--B\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\nvalue\r\n--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nline 1\r\nline 2\r\n--B--\r\n"}
//// POST / {"headers": {"content-type": "multipart/form-data; boundary=\"B C\""}, "body": "--B C\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n\r\n--B C--"}
//// POST / {"headers": {"content-type": "multipart/form-data"}, "body": "--B--"}
//// POST / {"headers": {"content-type": "multipart/form-data; boundary=B"}, "body": "nothing of the kind"}
//// POST / {"headers": {"content-type": "multipart/form-data; boundary=B"}, "body": "--B\r\nContent-Disposition: form-data; name=\"cut\"\r\n\r\nval"}
//// POST / {"headers": {"content-type": "multipart/form-data; boundary=B"}, "body": "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"grüße %22.bin\"\r\n\r\nx\r\n--B--\r\n"}
//// POST / {"headers": {"content-type": "multipart/form-data; boundary=B"}, "body": "--B--\r\n"}
export default {
  async fetch(request) {
    try {
      const told = [];
      for (const [name, value] of await request.formData()) {
        told.push(
          typeof value === 'string'
            ? [name, value]
            : [name, value instanceof File, value.name, value.type, value.size, await value.text()],
        );
      }
      return Response.json(told);
    } catch (error) {
      return new Response(error.name, { status: 400 });
    }
  },
};
//// out: a FormData as an answer
//// GET /
export default {
  async fetch() {
    const form = new FormData();
    form.append('text', 'grüße\nzwei');
    form.append('file', new File(['content'], 'a "b".txt', { type: 'text/x' }));
    form.append('blob', new Blob(['raw']));
    const response = new Response(form);
    const type = response.headers.get('content-type');
    const boundary = type.split('boundary=')[1].replaceAll('"', '');
    const text = (await response.text()).replaceAll(boundary, 'BOUNDARY');
    return new Response(text, { headers: { 'x-type': type.split(';')[0] } });
  },
};
//// round-trip: out and in again
//// GET /
import { report } from './report.js';
const again = async (form) =>
  [...(await new Response(form).formData())].map(([k, v]) => [
    k,
    typeof v === 'string' ? v : [v.name, v.type, v.size],
  ]);
const formOf = (...pairs) => {
  const form = new FormData();
  for (const pair of pairs) form.append(...pair);
  return form;
};
export default report({
  texts: () => again(formOf(['a', '1'], ['a', '2'], ['b', ''])),
  breaks: () => again(formOf(['a', 'x\ny\rz\r\n'])),
  names: () => again(formOf(['a"b\n', 'x'])),
  file: () => again(formOf(['f', new File(['x'], 'n.txt', { type: 'a/b' })])),
  blob: () => again(formOf(['f', new Blob(['x'], { type: 'c/d' })])),
  renamed: () => again(formOf(['f', new Blob(['x']), 'given'])),
  unicode: () => again(formOf(['ü', '€'], ['f', new File([''], '😀')])),
  empty: () => again(formOf()),
});
//// form-methods: append, set, get, delete, has, iteration
//// GET /
import { report } from './report.js';
const make = () => {
  const f = new FormData();
  f.append('a', '1');
  f.append('b', 2);
  f.append('a', '3');
  return f;
};
export default report({
  get: () => [make().get('a'), make().get('b'), make().get('c')],
  getAll: () => make().getAll('a'),
  has: () => [make().has('a'), make().has('c')],
  set: () => {
    const f = make();
    f.set('a', 'x');
    return [...f];
  },
  delete: () => {
    const f = make();
    f.delete('a');
    return [...f];
  },
  keys: () => [...make().keys()],
  values: () => [...make().values()],
  forEach: () => {
    const s = [];
    make().forEach((v, k) => s.push(k + v));
    return s;
  },
  'append blob': () => {
    const f = new FormData();
    f.append('x', new Blob(['a']));
    const v = f.get('x');
    return [v instanceof File, v.name];
  },
  'name for text': () => {
    const f = new FormData();
    f.append('x', 'text', 'name');
    return f.get('x');
  },
  'too few': () => new FormData().append('x'),
  tag: () => String(new FormData()),
  argument: () => [...new FormData(undefined)],
});
//// blob: constructors and reading
//// GET /
import { report } from './report.js';
export default report({
  nothing: () => {
    const b = new Blob();
    return [b.size, b.type];
  },
  parts: () =>
    new Blob(['a', new Uint8Array([98]), new Blob(['c']), new Uint8Array([100]).buffer]).text(),
  type: () => [
    new Blob([], { type: 'Text/HTML' }).type,
    new Blob([], { type: 'ü' }).type,
    new Blob([], { type: '' }).type,
  ],
  number: () => new Blob([1, null, {}]).text(),
  'no list': () => new Blob('text'),
  'endings native': () => new Blob(['a\nb'], { endings: 'native' }).text(),
  'endings wrong': () => new Blob([], { endings: 'x' }),
  buffer: () => new Blob(['ab']).arrayBuffer(),
  bytes: () => new Blob(['ab']).bytes(),
  stream: async () => {
    const out = [];
    for await (const c of new Blob(['xyz']).stream()) out.push(...c);
    return out;
  },
  iterable: () => new Blob(new Set(['a', 'b'])).text(),
  tag: () => String(new Blob()),
  frozen: () => {
    const b = new Blob(['a']);
    b.size = 5;
    return b.size;
  },
});
//// slices: Blob.slice
//// GET /
import { report } from './report.js';
const slice =
  (...range) =>
  () =>
    new Blob(['0123456789'], { type: 'a/b' }).slice(...range).text();
export default report({
  all: slice(),
  from: slice(3),
  range: slice(2, 5),
  negative: slice(-3),
  both: slice(-5, -2),
  beyond: slice(5, 100),
  empty: slice(5, 2),
  type: () => [
    new Blob(['a'], { type: 'a/b' }).slice().type,
    new Blob(['a']).slice(0, 1, 'c/d').type,
  ],
  nested: () => new Blob(['0123456789']).slice(2, 8).slice(1, 3).text(),
});
//// file: names and times
//// GET /
import { report } from './report.js';
export default report({
  attributes: () => {
    const f = new File(['x'], 'a.txt', { type: 'a/b', lastModified: 5 });
    return [f.name, f.type, f.size, f.lastModified, f instanceof Blob];
  },
  'no name': () => new File(['x']),
  'name as number': () => new File([], 7).name,
  now: () => typeof new File([], 'a').lastModified,
  text: () => new File(['inside'], 'a').text(),
  slice: () => {
    const s = new File(['abc'], 'a').slice(1);
    return [s instanceof File, s.size];
  },
  path: () => new File([], 'a/b:c').name,
  nothing: () => new File(),
  tag: () => String(new File([], 'a')),
});
//// upload: a file is stored and given back
//// POST /upload {"headers": {"content-type": "multipart/form-data; boundary=XX"}, "body": "--XX\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"p.png\"\r\nContent-Type: image/png\r\n\r\n\u0001PNG\u0002\r\n--XX--\r\n"}
//// GET /p.png
//// GET /other.png
const files = new Map();
export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === '/upload') {
      const photo = (await request.formData()).get('photo');
      files.set(`/${photo.name}`, { type: photo.type, bytes: await photo.bytes() });
      return new Response(null, { status: 201, headers: { location: `/${photo.name}` } });
    }
    const file = files.get(pathname);
    return file
      ? new Response(file.bytes, { headers: { 'content-type': file.type } })
      : new Response('no such file', { status: 404 });
  },
};
